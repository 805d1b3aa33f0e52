// What the kernel tells of interfaces, as bytes and by itself. Needs root, for a namespace of its
// own.
#include "dataplane/ports/link_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "dataplane/ports/interface.h"

namespace poll {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

using Bytes = std::vector<std::byte>;

/// One message about a link.
Bytes message(uint16_t type, int index, unsigned flags, unsigned char family = AF_UNSPEC) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } made{};
  made.header.nlmsg_len = sizeof made;
  made.header.nlmsg_type = type;
  made.link.ifi_family = family;
  made.link.ifi_index = index;
  made.link.ifi_flags = flags;
  Bytes bytes(sizeof made);
  std::memcpy(bytes.data(), &made, sizeof made);
  return bytes;
}

Bytes operator+(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

ports::LinkNews read(const Bytes& bytes) {
  ports::LinkNews news;
  ports::read_news(bytes, news);
  return news;
}

TEST(ReadNews, SeveralMessagesInADatagram) {
  const ports::LinkNews news = read(message(RTM_DELLINK, 4, 0) + message(RTM_NEWLINK, 5, 0) +
                                    message(RTM_NEWLINK, 6, IFF_UP));
  EXPECT_TRUE(news.any);
  EXPECT_THAT(news.gone, ElementsAre(4));
  EXPECT_THAT(news.down, ElementsAre(5));
}

TEST(ReadNews, AnInterfaceThatLeavesABridgeIsNotGone) {
  EXPECT_THAT(read(message(RTM_DELLINK, 4, 0, AF_BRIDGE)).gone, IsEmpty());
}

TEST(ReadNews, OtherMessagesAreNewsOfNobody) {
  const ports::LinkNews news = read(message(RTM_NEWADDR, 4, 0));
  EXPECT_TRUE(news.any);
  EXPECT_THAT(news.gone, IsEmpty());
  EXPECT_THAT(news.down, IsEmpty());
}

TEST(ReadNews, NothingIsReadBehindTheEnd) {
  const Bytes whole = message(RTM_DELLINK, 4, 0);
  for (size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_THAT(read(cut).gone, IsEmpty()) << size;
  }
}

TEST(ReadNews, AMessageWithoutALengthEndsTheReading) {
  Bytes endless = message(RTM_DELLINK, 4, 0);
  std::memset(endless.data(), 0, sizeof(uint32_t));
  EXPECT_THAT(read(endless + message(RTM_DELLINK, 5, 0)).gone, IsEmpty());
}

TEST(ReadNews, AMessageTooShortForALinkIsNone) {
  Bytes bytes = message(RTM_DELLINK, 4, 0);
  const uint32_t size = sizeof(nlmsghdr);
  std::memcpy(bytes.data(), &size, sizeof size);
  EXPECT_THAT(read(bytes).gone, IsEmpty());
}

class Watch : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "these tests need root";
    ASSERT_EQ(run("ip link add dot0 type veth peer name peer0"), 0);
    ASSERT_EQ(run("ip link set dot0 up"), 0);
    auto opened = ports::LinkWatch::open();
    ASSERT_TRUE(opened.has_value()) << opened.error();
    watch_ = std::move(*opened);
  }
  static int run(const char* command) { return std::system(command); }
  /// What is told within ten seconds.
  ports::LinkNews hear() {
    for (int looks = 0; looks < 1000; ++looks) {
      ports::LinkNews news = watch_.take();
      if (news.any) return news;
      usleep(10'000);
    }
    ADD_FAILURE() << "nothing was told";
    return {};
  }

  ports::LinkWatch watch_;
};

TEST_F(Watch, HearsOfOneThatIsGone) {
  const unsigned index = if_nametoindex("dot0");
  ASSERT_EQ(run("ip link del dot0"), 0);
  EXPECT_THAT(hear().gone, Contains(index));
  EXPECT_FALSE(ports::look_at_interface(index).has_value());
}

TEST_F(Watch, HearsOfOneThatMovesAwayAndBack) {
  const unsigned index = if_nametoindex("dot0");
  ASSERT_EQ(run("ip netns add dotline-watch-test"), 0);
  EXPECT_EQ(run("ip link set dot0 netns dotline-watch-test"), 0);
  EXPECT_EQ(run("ip -n dotline-watch-test link set dot0 netns $PPID"), 0);
  EXPECT_EQ(run("ip netns del dotline-watch-test"), 0);
  EXPECT_THAT(hear().gone, Contains(index));
  EXPECT_TRUE(ports::look_at_interface(index).has_value()) << "it comes back under its old number";
}

TEST_F(Watch, HearsOfOneThatWasDownForAMoment) {
  const unsigned index = if_nametoindex("dot0");
  ASSERT_EQ(run("ip link set dot0 down && ip link set dot0 up"), 0);
  const ports::LinkNews news = hear();
  EXPECT_THAT(news.down, Contains(index));
  EXPECT_THAT(news.gone, Not(Contains(index)));
}

TEST_F(Watch, HearsOfAddresses) {
  ASSERT_EQ(run("ip address add 192.0.2.1/24 dev dot0"), 0);
  EXPECT_TRUE(hear().any);
}

TEST_F(Watch, SeesWhatMayChange) {
  ASSERT_EQ(run("ip link set dot0 down"), 0);
  ASSERT_EQ(run("ip link set dot0 address 02:00:00:00:00:42 mtu 1400 name dot7"), 0);
  const auto state = ports::look_at_interface("dot7");
  ASSERT_TRUE(state.has_value()) << state.error();
  EXPECT_EQ(state->mac[5], std::byte{0x42});
  EXPECT_EQ(state->mtu, 1400u);
  EXPECT_FALSE(state->up);
  EXPECT_EQ(ports::look_at_interface(state->index)->name, "dot7");
  EXPECT_FALSE(ports::look_at_interface("dot0").has_value());
}

}  // namespace
}  // namespace poll
