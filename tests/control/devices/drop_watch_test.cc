// When it is said why packets are dropped.
#include "control/devices/drop_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace control {
namespace {

using rules::Drop;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class DropWatchTest : public testing::Test {
 protected:
  DropWatchTest() { look(); }
  void drop(Drop reason, uint64_t count) { counts_.dropped[static_cast<size_t>(reason)] += count; }
  void look(base::Duration later = base::seconds{1}) {
    now_ += later;
    watch_.look(counts_, now_);
    watch_of_xdp_.look(counts_, now_);
  }

  base::Time now_{};
  DropWatch::Counts counts_;
  DropWatch watch_{DropWatch::OtherMacs::Usual};
  DropWatch watch_of_xdp_{DropWatch::OtherMacs::Odd};
};

TEST_F(DropWatchTest, TwoQueriesAndNoReplyAreEnough) {
  drop(Drop::UdpChecksum, 1);
  look();
  EXPECT_THAT(watch_.why(), IsEmpty()) << "one may be anybody's";
  drop(Drop::UdpChecksum, 1);
  look();
  EXPECT_THAT(
      watch_.why(),
      AllOf(StartsWith("2 of the last 2 queries were dropped, most of them for udp_checksum: "),
            HasSubstr("ethtool -K IFACE tx off"), HasSubstr("verify_checksum: false")));
}

TEST_F(DropWatchTest, WhenMostAreAnsweredNothingIsSaid) {
  counts_.replies = 100;
  drop(Drop::UdpChecksum, 100);
  look();
  EXPECT_THAT(watch_.why(), IsEmpty());
  drop(Drop::UdpChecksum, 1);
  look();
  EXPECT_THAT(watch_.why(), StartsWith("101 of the last 201 queries"));
}

TEST_F(DropWatchTest, WhatIsNotOursIsDroppedAsAMatterOfCourse) {
  for (const Drop reason : {Drop::NotUdp, Drop::NotBound, Drop::EtherType, Drop::NotOurMac})
    drop(reason, 1000);
  look();
  EXPECT_THAT(watch_.why(), IsEmpty());
  EXPECT_THAT(watch_of_xdp_.why(), HasSubstr("not_our_mac")) << "its program lets only queries in";
}

TEST_F(DropWatchTest, TheReasonThatMostHaveIsTold) {
  drop(Drop::UdpChecksum, 3);
  drop(Drop::Vlan, 4);
  look();
  EXPECT_THAT(watch_.why(), AllOf(StartsWith("7 of the last 7"), HasSubstr("rxvlan off")));
}

TEST_F(DropWatchTest, WhatIsOverIsForgottenInFiveMinutes) {
  drop(Drop::UdpChecksum, 10);
  for (int i = 0; i < 4 * 60; ++i) look();
  EXPECT_THAT(watch_.why(), StartsWith("10 of the last 10"));
  for (int i = 0; i < 2 * 60; ++i) look();
  EXPECT_THAT(watch_.why(), IsEmpty());
}

TEST_F(DropWatchTest, AYearOfUptimeDoesNotHideIt) {
  counts_.replies = 1'000'000'000;
  for (int i = 0; i < 6 * 60; ++i) look();
  drop(Drop::UdpChecksum, 5);
  look();
  EXPECT_THAT(watch_.why(), StartsWith("5 of the last 5"));
}

}  // namespace
}  // namespace control
