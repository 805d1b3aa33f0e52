#include "dataplane/poll/checksum.h"

#include <gtest/gtest.h>

#include "tests/packet_builder.h"

namespace poll {
namespace {

TEST(Checksum, AgreesWithThePlainSumForEverySize) {
  for (const char* family : {"4", "6"}) {
    const bool v4 = *family == '4';
    const base::IpAddress a = tests::address(v4 ? "192.0.2.1" : "2001:db8::1");
    const base::IpAddress b = tests::address(v4 ? "203.0.113.200" : "2001:db8:ffff::fffe");
    tests::Bytes udp(8, std::byte{0});
    for (unsigned size = 8; size < 1500; ++size) {
      const uint16_t expected = tests::expected_udp_checksum(a, b, udp);
      Sum sum = sum_of(a, b);
      for (const auto word : {uint16_t{17}, static_cast<uint16_t>(udp.size())}) sum.word(word);
      sum.octets(udp);
      ASSERT_EQ(sum.checksum(), expected) << size;
      tests::Bytes whole = udp;
      base::store_be16(&whole[6], expected);
      ASSERT_TRUE(udp_sums_up(a, b, whole)) << size;
      whole.back() ^= std::byte{1};
      ASSERT_FALSE(udp_sums_up(a, b, whole)) << size;
      udp.push_back(static_cast<std::byte>(size * 37));
    }
  }
}

}  // namespace
}  // namespace poll
