// Makes the key of a question: everything that tells two questions apart goes into the hash as
// well.
#include "dataplane/dns/question.h"

#include "dataplane/base/keyed_hash.h"

namespace dns {
namespace {

/// The parts beside the name, each at a place of its own.
uint64_t tag_of(const Question& question) {
  return uint64_t{static_cast<uint16_t>(question.type)} |
         uint64_t{static_cast<uint16_t>(question.klass)} << 16 |
         uint64_t{static_cast<uint8_t>(question.wants)} << 32 |
         uint64_t{static_cast<uint8_t>(question.pool)} << 40;
}

}  // namespace

Question make_question(ByteView wire_name, Type type, Class klass, Wants wants, PoolId pool) {
  Question question{
      .type = type, .klass = klass, .wants = wants, .pool = pool, .name = Name(wire_name)};
  question.hash = base::keyed_hash(question.name.wire(), tag_of(question));
  return question;
}

}  // namespace dns
