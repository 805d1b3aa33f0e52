#include "dataplane/cache/entry.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace cache {

bool Entry::answers(const dns::Question& question) const {
  const ByteView asked = question.name.wire();
  return hash_ == question.hash && type_ == question.type && klass_ == question.klass &&
         wants_ == question.wants && pool_ == question.pool && asked.size() == name_size_ &&
         std::memcmp(asked.data(), name().data(), name_size_) == 0;
}

dns::Content Entry::content(Time now) const {
  return {.rcode = rcode_,
          .authenticated = authenticated_,
          .answers = answers_,
          .authorities = authorities_,
          .additionals = additionals_,
          .records = records(),
          .ttl_places = ttl_places(),
          .age = base::whole_seconds(inserted_, now),
          .ede = ede_};
}

size_t Entry::footprint() const {
  return sizeof(Entry) + ttl_count_ * sizeof(uint16_t) + name_size_ + records_size_;
}

Entry* make_entry(const NewEntry& from) {
  const ByteView name = from.question.name.wire();
  const dns::Content& content = from.content;
  const size_t places_size = content.ttl_places.size_bytes();
  void* memory = std::malloc(sizeof(Entry) + places_size + name.size() + content.records.size());
  if (memory == nullptr) return nullptr;

  auto* entry = new (memory) Entry();
  entry->hash_ = from.question.hash;
  entry->inserted_ = from.inserted;
  entry->expires_ = from.expires;
  entry->rcode_ = content.rcode;
  entry->records_size_ = static_cast<uint16_t>(content.records.size());
  entry->ttl_count_ = static_cast<uint16_t>(content.ttl_places.size());
  entry->answers_ = content.answers;
  entry->authorities_ = content.authorities;
  entry->additionals_ = content.additionals;
  entry->type_ = from.question.type;
  entry->klass_ = from.question.klass;
  entry->ede_ = content.ede;
  entry->wants_ = from.question.wants;
  entry->pool_ = from.question.pool;
  entry->name_size_ = static_cast<uint8_t>(name.size());
  entry->authenticated_ = content.authenticated;

  std::byte* at = entry->tail();
  if (places_size > 0) std::memcpy(at, content.ttl_places.data(), places_size);
  std::memcpy(at + places_size, name.data(), name.size());
  if (!content.records.empty()) {
    std::memcpy(at + places_size + name.size(), content.records.data(), content.records.size());
  }
  return entry;
}

void destroy_entry(Entry* entry) {
  entry->~Entry();
  std::free(entry);
}

}  // namespace cache
