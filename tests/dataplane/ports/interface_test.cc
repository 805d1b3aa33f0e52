// What is said of an interface before a port takes it.
#include "dataplane/ports/interface.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace poll {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Kind = ports::TagAdvice::Kind;

ports::Interface nic() {
  ports::Interface interface;
  interface.name = "eth0";
  interface.has_bus = true;
  interface.strips_tags = true;
  return interface;
}

ports::Interface veth() {
  ports::Interface interface = nic();
  interface.has_bus = false;
  return interface;
}

TEST(AdviseOnTags, NothingWhereTagsStay) {
  ports::Interface interface = nic();
  interface.strips_tags = false;
  EXPECT_EQ(ports::advise_on_tags(interface, 0, {}).text, "");
  EXPECT_EQ(ports::advise_on_tags(interface, 20, {20}).text, "");
}

TEST(AdviseOnTags, AVlanWhoseTagNeverComesIsRefused) {
  const ports::TagAdvice advice = ports::advise_on_tags(nic(), 20, {});
  EXPECT_EQ(advice.kind, Kind::Refuse);
  EXPECT_EQ(advice.text,
            "vlan: 20, and the interface takes the tag off (rx-vlan-offload), so that every query "
            "would be dropped; expected: ethtool -K eth0 rxvlan off, or af_packet:eth0");
}

TEST(AdviseOnTags, UntaggedBesideVlansThatTheNicLetsIn) {
  EXPECT_EQ(ports::advise_on_tags(nic(), 0, {}).kind, Kind::Tell)
      << "there may be none on this wire";
  const ports::TagAdvice advice = ports::advise_on_tags(nic(), 0, {20});
  EXPECT_EQ(advice.kind, Kind::Warn);
  EXPECT_THAT(advice.text, AllOf(HasSubstr("are answered"), HasSubstr("eth0 rxvlan off")));
}

TEST(AdviseOnTags, OnAVethTheSenderHasToPutThemIn) {
  const ports::TagAdvice advice = ports::advise_on_tags(veth(), 20, {});
  EXPECT_EQ(advice.kind, Kind::Warn) << "some senders do";
  EXPECT_THAT(advice.text, AllOf(HasSubstr("dropped (vlan)"), HasSubstr("PEER txvlan off")));
}

}  // namespace
}  // namespace poll
