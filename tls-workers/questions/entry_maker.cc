#include "tls-workers/questions/entry_maker.h"

#include <algorithm>

#include "dataplane/rules/fast_path.h"

namespace questions {

cache::Entry* EntryMaker::make(const dns::Question& question, const dns::Answer& answer,
                               const Keep& keep) {
  const base::ByteSpan records = base::ByteSpan(records_).first(answer.records.size());
  std::ranges::copy(answer.records, records.begin());
  for (size_t i = 0; i < answer.ttl_places.size(); ++i) {
    base::store_be32(&records[answer.ttl_places[i]], dns::kept_ttl(answer, i, keep.limits));
  }
  const dns::Content content = {.rcode = answer.rcode,
                                .authenticated = answer.authenticated,
                                .answers = answer.answers,
                                .authorities = answer.authorities,
                                .additionals = answer.additionals,
                                .records = records,
                                .ttl_places = answer.ttl_places,
                                .ede = answer.ede};
  return cache::make_entry({.question = question,
                            .content = content,
                            .inserted = keep.now,
                            .expires = keep.now + base::seconds(keep.lifetime),
                            .prefetch = keep.prefetch,
                            .fast_path = rules::fast_path_may_answer(question, content)});
}

}  // namespace questions
