// An af_xdp port on a real interface: what it takes, what it leaves to the kernel, and how it comes
// and goes.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sys/socket.h>

#include "port_rig.h"
#include "tests/packet_builder.h"

namespace {

using testing::TestWithParam;

const std::vector<std::string> kServe = {"af_xdp:dot0", "1", "128", "192.0.2.1:53",
                                         "[2001:db8::1]:53"};

uint32_t attached_program() {
  uint32_t id = 0;
  EXPECT_EQ(bpf_xdp_query_id(static_cast<int>(if_nametoindex("dot0")), 0, &id), 0);
  return id;
}

TEST(AfXdp, ReceivesAndSendsAtBoundAddresses) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  EXPECT_EQ(wire.ask("192.0.2.1", 53, "over IPv4"), "reply over IPv4");
  EXPECT_EQ(wire.ask("2001:db8::1", 53, "over IPv6"), "reply over IPv6");
  const std::string report = probe.finish();
  EXPECT_NE(report.find("frame v4 protocol 17 port 53"), std::string::npos) << report;
  EXPECT_NE(report.find("frame v6 protocol 17 port 53"), std::string::npos) << report;
  EXPECT_NE(report.find("lost 0\nclosed\n"), std::string::npos) << report;
}

TEST(AfXdp, LeavesEverythingElseToTheKernel) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  EXPECT_EQ(wire.ask("192.0.2.1", 54, "another port"), "refused");
  EXPECT_EQ(wire.ask("2001:db8::1", 54, "another port"), "refused");
  EXPECT_TRUE(wire.far_succeeds("ping -c 1 -W 20 192.0.2.1"));
  EXPECT_TRUE(wire.far_succeeds("ping -c 1 -W 20 2001:db8::1"));
  EXPECT_TRUE(wire.connects("192.0.2.1", 53));
  const std::string report = probe.finish();
  EXPECT_EQ(report.find("\nframe"), std::string::npos) << report;
}

TEST(AfXdp, LeavesAnotherAddressOfTheInterfaceToTheKernel) {
  const Wire wire;
  wire.near("ip addr add 192.0.2.9/24 dev dot0");
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  EXPECT_EQ(wire.ask("192.0.2.9", 53, "not bound"), "refused");
  EXPECT_EQ(wire.ask("192.0.2.1", 53, "bound"), "reply bound");
}

TEST(AfXdp, TakesItsProgramOffWhenClosed) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  EXPECT_NE(attached_program(), 0U);
  probe.finish();
  EXPECT_EQ(attached_program(), 0U);
  EXPECT_EQ(wire.ask("192.0.2.1", 53, "nobody home"), "refused");
}

TEST(AfXdp, OpensAgainAfterItWasClosed) {
  const Wire wire;
  for (const char* const round : {"first", "second"}) {
    Probe probe(kServe);
    ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
    EXPECT_EQ(wire.ask("192.0.2.1", 53, round), std::string("reply ") + round);
    EXPECT_EQ(probe.finish().find("took off"), std::string::npos);
  }
}

TEST(AfXdp, LeavesQueriesToTheKernelAfterACrash) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  probe.kill();
  ASSERT_NE(attached_program(), 0U);
  EXPECT_EQ(wire.ask("192.0.2.1", 53, "nobody home"), "refused");
}

TEST(AfXdp, ReplacesTheProgramOfADeadProcess) {
  const Wire wire;
  Probe dead(kServe);
  ASSERT_NE(dead.wait_for("open"), "") << dead.finish();
  dead.kill();
  const uint32_t left = attached_program();
  ASSERT_NE(left, 0U);

  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  EXPECT_EQ(probe.wait_for("log interface"), "log interface dot0: took off the XDP program (id " +
                                                 std::to_string(left) + ") of a dotline that died");
  EXPECT_EQ(wire.ask("192.0.2.1", 53, "alive"), "reply alive");
}

TEST(AfXdp, RefusesAnInterfaceThatALivingProcessHas) {
  const Wire wire;
  Probe first(kServe);
  ASSERT_NE(first.wait_for("open"), "") << first.finish();
  Probe second(kServe);
  EXPECT_EQ(second.wait_for("failed"),
            "failed port af_xdp:dot0: in use by another dotline (process " +
                std::to_string(first.process()) + ")");
  EXPECT_EQ(wire.ask("192.0.2.1", 53, "undisturbed"), "reply undisturbed");
}

TEST(AfXdp, LeavesSomebodyElsesProgramAlone) {
  const Wire wire;
  const bpf_insn pass[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = XDP_PASS},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const base::Descriptor foreign(
      bpf_prog_load(BPF_PROG_TYPE_XDP, "somebody_else", "GPL", pass, std::size(pass), nullptr));
  ASSERT_TRUE(foreign.ok());
  ASSERT_EQ(bpf_xdp_attach(static_cast<int>(if_nametoindex("dot0")), foreign.get(), 0, nullptr), 0);
  const uint32_t id = attached_program();

  Probe probe(kServe);
  EXPECT_EQ(probe.wait_for("failed"),
            "failed port af_xdp:dot0: another XDP program is attached (\"somebody_else\", id " +
                std::to_string(id) +
                "), and an interface has room for one; if nobody needs it, take it off with: ip "
                "link set dev dot0 xdp off");
  probe.finish();
  EXPECT_EQ(attached_program(), id);
}

TEST(AfXdp, SaysNothingOnStandardError) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  probe.finish();
  EXPECT_EQ(probe.errors(), "");
}

size_t frames_in(const std::string& report) {
  size_t count = 0;
  for (size_t at = 0; (at = report.find("frame ", at)) != std::string::npos; ++at) ++count;
  return count;
}

struct Sight {
  std::string name;
  tests::Packet packet;
  bool taken = false;
  size_t cut = 0;  // Octets missing at the end.
};

std::ostream& operator<<(std::ostream& out, const Sight& sight) { return out << sight.name; }

class AfXdpSees : public TestWithParam<Sight> {};

TEST_P(AfXdpSees, AndTakesOnlyWhatThePollCoreCanAnswer) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  tests::Bytes frame = GetParam().packet.build();
  frame.resize(frame.size() - GetParam().cut);
  wire.send_frame(frame);
  // The wire keeps the order: once this one is answered, the other has been seen.
  ASSERT_EQ(wire.ask("192.0.2.1", 53, "after it"), "reply after it");
  const std::string report = probe.finish();
  EXPECT_EQ(frames_in(report), GetParam().taken ? 2U : 1U) << report;
}

base::Endpoint endpoint(const char* text, uint16_t port) { return {tests::address(text), port}; }

constexpr size_t kUdpAndPayload = 8 + 7;

const Sight kSights[] = {
    {.name = "ipv4", .packet = {}, .taken = true},
    {.name = "ipv4_with_one_tag", .packet = {.vlan_controls = {7}}, .taken = true},
    {.name = "ipv4_with_two_tags", .packet = {.vlan_controls = {7, 8}}},
    {.name = "ipv4_with_options", .packet = {.ip_options = tests::Bytes(4, std::byte{1})}},
    {.name = "ipv4_first_fragment", .packet = {.fragment = 0x2000}},
    {.name = "ipv4_later_fragment", .packet = {.fragment = 0x0001}},
    {.name = "ipv4_tcp", .packet = {.protocol = 6}},
    {.name = "ipv4_to_another_port", .packet = {.destination = endpoint("192.0.2.1", 5353)}},
    {.name = "ipv4_to_another_address", .packet = {.destination = endpoint("192.0.2.3", 53)}},
    {.name = "ipv4_udp_header_cut_by_one", .packet = {.payload = {}}, .cut = 1},
    {.name = "ipv4_udp_header_whole", .packet = {.payload = {}}, .taken = true},
    {.name = "ipv4_header_cut_by_one", .packet = {}, .cut = kUdpAndPayload + 1},
    {.name = "ipv4_called_ipv6", .packet = {.ether_type = 0x86DD}},
    {.name = "ipv6",
     .packet = {.source = endpoint("2001:db8::2", 40000),
                .destination = endpoint("2001:db8::1", 53)},
     .taken = true},
    {.name = "ipv6_with_one_tag",
     .packet = {.vlan_controls = {7},
                .source = endpoint("2001:db8::2", 40000),
                .destination = endpoint("2001:db8::1", 53)},
     .taken = true},
    {.name = "ipv6_with_an_extension_header",
     .packet = {.source = endpoint("2001:db8::2", 40000),
                .destination = endpoint("2001:db8::1", 53),
                .protocol = 0}},
    {.name = "ipv6_to_another_address",
     .packet = {.source = endpoint("2001:db8::2", 40000),
                .destination = endpoint("2001:db8::3", 53)}},
    {.name = "ipv6_header_cut_by_one",
     .packet = {.source = endpoint("2001:db8::2", 40000),
                .destination = endpoint("2001:db8::1", 53)},
     .cut = kUdpAndPayload + 1},
};

INSTANTIATE_TEST_SUITE_P(Table, AfXdpSees, testing::ValuesIn(kSights),
                         [](const auto& row) { return row.param.name; });

struct Refusal {
  std::string name;
  std::string near;  // Done to the interface before.
  std::vector<std::string> arguments;
  std::vector<std::string> wrapper;
  std::string message;
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) { return out << refusal.name; }

class AfXdpRefuses : public TestWithParam<Refusal> {};

TEST_P(AfXdpRefuses, AndSaysWhatWasExpected) {
  const Wire wire;
  if (!GetParam().near.empty()) wire.near(GetParam().near);
  Probe probe(GetParam().arguments, GetParam().wrapper);
  EXPECT_EQ(probe.wait_for("failed"), "failed " + GetParam().message) << probe.finish();
  EXPECT_EQ(probe.errors(), "");
  EXPECT_EQ(attached_program(), 0U);
}

const Refusal kRefusals[] = {
    {.name = "no_interface",
     .arguments = {"af_xdp:eth9", "1", "128", "192.0.2.1:53"},
     .message = "port af_xdp:eth9: no such interface"},
    {.name = "name_too_long_for_an_interface",
     .arguments = {"af_xdp:abcdefghijklmnop", "1", "128", "192.0.2.1:53"},
     .message = "port af_xdp:abcdefghijklmnop: no such interface"},
    {.name = "interface_down",
     .near = "ip link set dot0 down",
     .arguments = kServe,
     .message =
         "port af_xdp:dot0: the interface is down; bring it up with: ip link set dev dot0 up"},
    {.name = "mtu_above_what_xdp_takes",
     .near = "ip link set dot0 mtu 3499",
     .arguments = kServe,
     .message = "port af_xdp:dot0: MTU 3499, and XDP works up to 3498; set it with: ip link set "
                "dev dot0 mtu 1500"},
    {.name = "more_queues_than_channels",
     .arguments = {"af_xdp:dot0", "2", "128", "192.0.2.1:53"},
     .message = "port af_xdp:dot0: queues: 2, and the interface has 1 combined channel"},
    {.name = "more_queues_than_the_driver_counts",
     .arguments = {"af_xdp:dot0", "17", "128", "192.0.2.1:53"},
     .message = "port af_xdp:dot0: queues: 17, and this driver serves 16 at most"},
    {.name = "no_queue",
     .arguments = {"af_xdp:dot0", "0", "128", "192.0.2.1:53"},
     .message = "port af_xdp:dot0: queues: 0, expected 1 or more"},
    {.name = "a_capability_missing",
     .arguments = kServe,
     .wrapper = {"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"},
     .message = "port af_xdp:dot0: needs CAP_SYS_ADMIN; run as root or grant them"},
    {.name = "too_little_memory",
     .arguments = {"af_xdp:dot0", "1", "16", "192.0.2.1:53"},
     .message =
         "port af_xdp:dot0: no memory for 8191 frames of queue 0; expected more dataplane.memory"},
};

INSTANTIATE_TEST_SUITE_P(Table, AfXdpRefuses, testing::ValuesIn(kRefusals),
                         [](const auto& row) { return row.param.name; });

class AfXdpOnTwoQueues : public testing::Test {
 protected:
  void SetUp() override {
    wire_.near("ip link del dot0");
    wire_.near(
        "ip link add dot0 numrxqueues 2 numtxqueues 2 type veth peer name other numrxqueues 2 "
        "numtxqueues 2");
    wire_.near("ip link set dot0 up");
  }
  Wire wire_;
};

TEST_F(AfXdpOnTwoQueues, IsRefusedWhileFramesArriveOnAQueueWithoutASocket) {
  Probe probe(kServe);
  EXPECT_EQ(probe.wait_for("failed"),
            "failed port af_xdp:dot0: queues: 1, and the interface spreads frames over 2, so that "
            "the kernel would refuse "
            "queries on the others; expected ethtool -L dot0 rx 1");
}

TEST_F(AfXdpOnTwoQueues, PassesOnWhyTheKernelRefuses) {
  wire_.near("ethtool -L dot0 rx 1");  // A veth wants as many as its peer has to send by.
  Probe probe(kServe);
  const std::string failure = probe.wait_for("failed");
  EXPECT_NE(failure.find("veth: XDP expects number of rx queues not less than peer tx queues"),
            std::string::npos)
      << failure;
  EXPECT_EQ(probe.errors(), "");
  EXPECT_EQ(attached_program(), 0U);
}

TEST_F(AfXdpOnTwoQueues, SaysThatTheyAreApart) {
  Probe probe({"af_xdp:dot0", "2", "128", "192.0.2.1:53"});
  EXPECT_EQ(probe.wait_for("failed"),
            "failed port af_xdp:dot0: queues: 2, and the interface has 2 receive channels and 2 "
            "transmit channels apart, of which DPDK's driver uses 1; expected af_packet:dot0, or "
            "queues: 1 after: ethtool -L dot0 rx 1");
}

TEST_F(AfXdpOnTwoQueues, OpensOnceThereIsOne) {
  wire_.near("ethtool -L dot0 rx 1");
  wire_.near("ethtool -L other tx 1");
  Probe probe(kServe);
  EXPECT_NE(probe.wait_for("open"), "") << probe.finish();
}

}  // namespace
