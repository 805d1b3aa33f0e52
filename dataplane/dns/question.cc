// Makes the key of a question: everything that tells two questions apart goes into the hash as
// well.
#include "dataplane/dns/question.h"

#include "dataplane/base/keyed_hash.h"

namespace dns {
Question make_question(ByteView wire_name, Type type, Class klass, Wants wants, PoolId pool) {
  Question question{
      .type = type, .klass = klass, .wants = wants, .pool = pool, .name = Name(wire_name)};
  question.hash = base::keyed_hash(question.name.wire(), tag_of(type, klass, wants, pool));
  return question;
}

}  // namespace dns
