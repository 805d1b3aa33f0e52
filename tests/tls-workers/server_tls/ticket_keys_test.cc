#include "tls-workers/server_tls/ticket_keys.h"

#include <gtest/gtest.h>

namespace tests {
namespace {

using server_tls::TicketKeys;

constexpr base::Time kStart{base::seconds{1000}};
constexpr base::Duration kRotation = TicketKeys::kRotation;

TEST(TicketKeys, StayTheSameForOneRotation) {
  TicketKeys keys;
  const auto first = keys.newest(kStart);
  const auto last = keys.newest(kStart + kRotation - base::seconds{1});
  ASSERT_TRUE(first && last);
  EXPECT_EQ(first->name, last->name);
  EXPECT_EQ(first->cipher, last->cipher);
  EXPECT_EQ(first->digest, last->digest);
  EXPECT_NE(first->cipher, first->digest);
}

TEST(TicketKeys, OpenTicketsOfTheKeyBefore) {
  TicketKeys keys;
  const auto first = keys.newest(kStart);
  const auto second = keys.newest(kStart + kRotation);
  EXPECT_NE(first->name, second->name);
  const auto found = keys.find(first->name.data(), kStart + kRotation);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->age, TicketKeys::Age::Older);
  EXPECT_EQ(found->key.cipher, first->cipher);
  EXPECT_EQ(keys.find(second->name.data(), kStart + kRotation)->age, TicketKeys::Age::Newer);
}

TEST(TicketKeys, ForgetWhatWasReplacedTwice) {
  TicketKeys keys;
  const auto first = keys.newest(kStart);
  (void)keys.newest(kStart + kRotation);
  (void)keys.newest(kStart + 2 * kRotation);
  EXPECT_FALSE(keys.find(first->name.data(), kStart + 2 * kRotation));
}

TEST(TicketKeys, ForgetWhatIsTooOldThoughNobodyCameMeanwhile) {
  TicketKeys keys;
  const auto first = keys.newest(kStart);
  EXPECT_FALSE(keys.find(first->name.data(), kStart + 2 * kRotation));
}

}  // namespace
}  // namespace tests
