// What is done about a port, by what the kernel shows of its interface.
#include "control/devices/port_judgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace control {
namespace {

using ports::DeviceKind;
using testing::HasSubstr;
using testing::IsEmpty;
using Place = ports::XdpAttachment::Place;

ports::InterfaceState usual() {
  return {.name = "eth0", .index = 7, .up = true, .carrier = true, .mtu = 1500, .mac = {}};
}

PortSight undisturbed(DeviceKind kind = DeviceKind::AfXdp) {
  return {.kind = kind, .had = usual(), .now = usual(), .namesake = 7};
}

TEST(PortJudgement, NothingIsDoneAboutAPortThatServes) {
  for (const DeviceKind kind : {DeviceKind::AfXdp, DeviceKind::AfPacket}) {
    EXPECT_EQ(judge(undisturbed(kind)).step, PortStep::Keep);
    EXPECT_EQ(judge(undisturbed(kind)).why, "");
  }
}

TEST(PortJudgement, AnInterfaceThatIsGoneIsWaitedFor) {
  PortSight sight = undisturbed();
  sight.now.reset();
  sight.namesake.reset();
  EXPECT_EQ(judge(sight).step, PortStep::OpenAnew);
  EXPECT_EQ(judge(sight).why, "the interface is gone");
}

TEST(PortJudgement, ThatItWasGoneIsNotForgottenWhenItIsBack) {
  PortSight sight = undisturbed();
  sight.was_gone = true;
  EXPECT_EQ(judge(sight).step, PortStep::OpenAnew) << "its sockets are bound to nothing any more";
}

TEST(PortJudgement, TheNameInTheConfigurationIsWhatCounts) {
  PortSight sight = undisturbed();
  sight.now->name = "eth7";
  sight.namesake.reset();
  EXPECT_EQ(judge(sight).step, PortStep::Keep) << "renamed: its sockets know it by its index";
  EXPECT_EQ(judge(sight).why, "");
  sight.namesake = 9;
  EXPECT_EQ(judge(sight).step, PortStep::OpenAnew);
  EXPECT_EQ(judge(sight).why, "another interface is called eth0 now");
}

TEST(PortJudgement, AnInterfaceThatIsDownServesNobody) {
  PortSight sight = undisturbed();
  sight.now->up = sight.now->carrier = false;
  EXPECT_EQ(judge(sight).step, PortStep::Keep) << "an XDP socket lives through it";
  EXPECT_EQ(judge(sight).why, "the interface is down");
  sight.kind = DeviceKind::AfPacket;
  EXPECT_EQ(judge(sight).step, PortStep::OpenAnew);
}

TEST(PortJudgement, APacketSocketThatWasDownForAMomentIsOpenedAnew) {
  PortSight sight = undisturbed(DeviceKind::AfPacket);
  sight.was_down = true;
  EXPECT_EQ(judge(sight).step, PortStep::OpenAnew);
  sight.kind = DeviceKind::AfXdp;
  EXPECT_EQ(judge(sight).step, PortStep::Keep);
}

TEST(PortJudgement, AProgramThatWasTakenOffIsPutBack) {
  PortSight sight = undisturbed();
  sight.program = Place::TakenOff;
  EXPECT_EQ(judge(sight).step, PortStep::AttachProgram);
  EXPECT_EQ(judge(sight).why, "its XDP program was taken off");
}

TEST(PortJudgement, SomebodyElsesProgramIsLeftAlone) {
  PortSight sight = undisturbed();
  sight.program = Place::Replaced;
  EXPECT_EQ(judge(sight).step, PortStep::Keep);
  EXPECT_THAT(judge(sight).why, HasSubstr("ip link set dev eth0 xdp off"));
}

TEST(PortJudgement, ACableThatIsOutIsTrouble) {
  PortSight sight = undisturbed();
  sight.now->carrier = false;
  EXPECT_EQ(judge(sight).step, PortStep::Keep);
  EXPECT_EQ(judge(sight).why, "the link is down");
}

TEST(ChangesOf, SaysWhatIsOtherwise) {
  ports::InterfaceState after = usual();
  EXPECT_THAT(changes_of(usual(), after), IsEmpty());
  after.up = after.carrier = false;
  EXPECT_THAT(changes_of(usual(), after), IsEmpty()) << "told of elsewhere";
  after.name = "eth7";
  EXPECT_THAT(changes_of(usual(), after), HasSubstr("it is called eth7 now, and was eth0"));
  after.mac[0] = std::byte{2};
  after.mtu = 9000;
  EXPECT_THAT(
      changes_of(usual(), after),
      HasSubstr(
          "MAC address is 02:00:00:00:00:00 now, and was 00:00:00:00:00:00; its MTU is 9000"));
}

}  // namespace
}  // namespace control
