#include "tls-workers/frontend/frame_carrier.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/message_builder.h"

namespace tests {
namespace {

using frontend::FrameCarrier;
using frontend::Standing;

void put(FrameCarrier& carrier, base::ByteView octets) {
  const base::ByteSpan room = carrier.room();
  ASSERT_GE(room.size(), octets.size());
  std::ranges::copy(octets, room.begin());
  carrier.filled(octets.size());
}

TEST(FrameCarrier, GivesQueriesOneByOneAndThenNothing) {
  FrameCarrier carrier;
  const Bytes first = a_query("one.example.").build();
  const Bytes second = a_query("two.example.").build();
  const auto prefix = [](const Bytes& message) {
    return bytes_of({0, static_cast<int>(message.size())});
  };
  put(carrier, joined({prefix(first), first, prefix(second), second, bytes_of({0})}));
  EXPECT_EQ(bytes_of(carrier.next()->message), first);
  EXPECT_EQ(bytes_of(carrier.next()->message), second);
  EXPECT_FALSE(carrier.next());
  EXPECT_TRUE(carrier.is_amid_query());
  EXPECT_EQ(carrier.standing(), Standing::Open);
}

TEST(FrameCarrier, IsOutOfStepAfterAPrefixShorterThanAHeader) {
  for (const int size : {0, 1, 11}) {
    FrameCarrier carrier;
    put(carrier, bytes_of({0, size, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(carrier.next()) << size;
    EXPECT_EQ(carrier.standing(), Standing::Malformed) << size;
  }
}

TEST(FrameCarrier, HoldsRepliesUntilTheyAreSent) {
  FrameCarrier carrier;
  const Bytes reply = an_answer("one.example.").build();
  const Bytes framed = joined({bytes_of({0, static_cast<int>(reply.size())}), reply});
  carrier.reply(0, reply, {});
  carrier.reply(0, reply, {});
  EXPECT_EQ(bytes_of(carrier.unsent()), joined({framed, framed}));
  carrier.sent(framed.size() + 1);
  EXPECT_EQ(carrier.held(), framed.size() - 1);
  carrier.sent(framed.size() - 1);
  EXPECT_EQ(carrier.held(), 0u);
  EXPECT_TRUE(carrier.unsent().empty());
}

}  // namespace
}  // namespace tests
