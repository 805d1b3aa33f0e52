#include "tls-workers/questions/entry_maker.h"

#include <gtest/gtest.h>

#include "tests/message_builder.h"

namespace tests {
namespace {

const base::Time kStart{base::seconds(1000)};

struct FreeEntry {
  void operator()(cache::Entry* entry) const { cache::destroy_entry(entry); }
};

TEST(EntryMaker, KeepsTheRecordsWithTheTtlsToServe) {
  const dns::Question question = dns::make_question(
      wire_name("www.example."), dns::Type::A, dns::Class::In, dns::Wants::Plain, dns::PoolId{});
  const Bytes message = an_answer("www.example.")
                            .id(7)
                            .answer(a_record(pointer_to_question(), 60, {192, 0, 2, 1}))
                            .answer(a_record(pointer_to_question(), 500'000, {192, 0, 2, 2}))
                            .opt({})
                            .build();
  dns::TtlPlaces places;
  const auto answer = dns::parse_answer(message, question, places);
  ASSERT_TRUE(answer);
  questions::EntryMaker maker;
  const dns::LifetimeLimits limits{.max_ttl = 1000};
  const std::unique_ptr<cache::Entry, FreeEntry> entry(
      maker.make(question, *answer, {limits, 60, false, kStart}));
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->answers(question));
  EXPECT_EQ(entry->inserted(), kStart);
  EXPECT_EQ(entry->expires(), kStart + base::seconds(60));
  const dns::Content content = entry->content(kStart);
  EXPECT_EQ(content.answers, 2);
  EXPECT_EQ(content.additionals, 0);
  EXPECT_EQ(bytes_of(content.records),
            joined({a_record(pointer_to_question(), 60, {192, 0, 2, 1}).wire(),
                    a_record(pointer_to_question(), 1000, {192, 0, 2, 2}).wire()}));
}

}  // namespace
}  // namespace tests
