// Ports of the other kinds, and EAL as a port's process meets it.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "port_rig.h"

namespace {

const std::vector<std::string> kServe = {"af_packet:dot0", "1", "128", "192.0.2.1:53",
                                         "[2001:db8::1]:53"};

TEST(AfPacket, ReceivesAndSends) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  EXPECT_EQ(wire.ask("192.0.2.1", 53, "over IPv4"), "reply over IPv4");
  EXPECT_EQ(wire.ask("2001:db8::1", 53, "over IPv6"), "reply over IPv6");
  const std::string report = probe.finish();
  EXPECT_NE(report.find("lost 0\nclosed\n"), std::string::npos) << report;
  EXPECT_EQ(probe.errors(), "");
}

TEST(AfPacket, KeepsTheKernelQuietAboutQueries) {
  const Wire wire;
  Probe probe(kServe);
  ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
  EXPECT_TRUE(wire.only_reply_came("192.0.2.1", 53));
  EXPECT_TRUE(wire.only_reply_came("2001:db8::1", 53));
}

TEST(AfPacket, KeepsOthersOffItsAddresses) {
  const Wire wire;
  {
    Probe probe(kServe);
    ASSERT_NE(probe.wait_for("open"), "") << probe.finish();
    EXPECT_FALSE(bind_near(SOCK_DGRAM, "192.0.2.1", 53).ok());
    EXPECT_FALSE(bind_near(SOCK_DGRAM, "0.0.0.0", 53).ok());
    EXPECT_TRUE(bind_near(SOCK_DGRAM, "192.0.2.1", 54).ok());
    probe.finish();
  }
  EXPECT_TRUE(bind_near(SOCK_DGRAM, "192.0.2.1", 53).ok());
}

TEST(AfPacket, RefusesAnAddressInUse) {
  const Wire wire;
  const base::Descriptor holder = bind_near(SOCK_DGRAM, "2001:db8::1", 53);
  ASSERT_TRUE(holder.ok());
  Probe probe(kServe);
  EXPECT_EQ(probe.wait_for("failed"),
            "failed port af_packet:dot0: [2001:db8::1]:53 is in use by another program");
}

TEST(AfPacket, RefusesAnAddressThatIsNotHere) {
  const Wire wire;
  Probe probe({"af_packet:dot0", "1", "128", "192.0.2.77:53"});
  EXPECT_EQ(probe.wait_for("failed"),
            "failed port af_packet:dot0: 192.0.2.77:53 is not an address of this machine");
}

TEST(AfPacket, RefusesAnInterfaceThatIsDown) {
  const Wire wire;
  wire.near("ip link set dot0 down");
  Probe probe(kServe);
  EXPECT_EQ(probe.wait_for("failed"),
            "failed port af_packet:dot0: the interface is down; bring it up with: ip link set dev "
            "dot0 up");
}

struct NoEthernet {
  const char* name;
  const char* near;
  const char* interface;
  const char* what;
};

class RefusesWhatIsNoEthernet : public testing::TestWithParam<NoEthernet> {};

TEST_P(RefusesWhatIsNoEthernet, ByItsName) {
  const Wire wire;
  wire.near(GetParam().near);
  for (const char* kind : {"af_packet:", "af_xdp:"}) {
    const std::string device = std::string(kind) + GetParam().interface;
    Probe probe({device, "1", "128", "192.0.2.1:53"});
    EXPECT_EQ(probe.wait_for("failed").find("failed port " + device + ": it is " + GetParam().what),
              0U)
        << probe.finish();
  }
}

constexpr NoEthernet kNoEthernet[] = {
    {"tun", "ip tuntap add dev tun0 mode tun && ip link set tun0 up", "tun0",
     "a tunnel (TUN, WireGuard), whose packets have no Ethernet header; expected"},
    {"loopback", "ip link set lo up", "lo", "the loopback interface"},
};

INSTANTIATE_TEST_SUITE_P(Table, RefusesWhatIsNoEthernet, testing::ValuesIn(kNoEthernet),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Vdev, TakesDevargsAsTheyAre) {
  const Wire wire;
  Probe probe({"vdev:net_af_packet7,iface=dot0,qpairs=1", "1", "128", "192.0.2.1:53"});
  EXPECT_EQ(probe.wait_for("open").find("open vdev:net_af_packet7,iface=dot0,qpairs=1"), 0U)
      << probe.finish();
}

TEST(Vdev, RefusesADriverThatDoesNotExist) {
  const Wire wire;
  Probe probe({"vdev:net_nothing0", "1", "128"});
  EXPECT_EQ(probe.wait_for("failed").find(
                "failed port vdev:net_nothing0: the driver does not take the device"),
            0U)
      << probe.finish();
  EXPECT_EQ(probe.errors(), "");
}

TEST(Pci, SaysThatThereIsNoSuchDevice) {
  const Wire wire;
  Probe probe({"pci:0000:3f:1f.7", "1", "128"});
  const std::string failure = probe.wait_for("failed");
  EXPECT_NE(failure.find("pci:0000:3f:1f.7: there is no such PCI device"), std::string::npos)
      << probe.finish();
}

TEST(EalStart, KeepsTheCallerOffTheCpuThatPolls) {
  const Wire wire;
  Probe probe({"vdev:net_ring0", "1", "128"});
  const std::string polls = probe.wait_for("polls on ");
  const std::string main = probe.wait_for("main runs on ");
  ASSERT_NE(polls, "") << probe.finish();
  const std::string polling_cpu = polls.substr(std::string("polls on").size()) + " ";
  const bool shares = (main + " ").find(polling_cpu) != std::string::npos;
  EXPECT_EQ(shares, std::thread::hardware_concurrency() == 1) << main << ", " << polls;
}

TEST(EalStart, TouchesNoSignal) {
  const Wire wire;
  Probe probe({"vdev:net_ring0", "1", "128"});
  EXPECT_EQ(probe.wait_for("signals"), "signals untouched") << probe.finish();
}

TEST(EalStart, HappensOnce) {
  const Wire wire;
  Probe probe({"vdev:net_ring0", "1", "128"});
  EXPECT_EQ(probe.wait_for("second start"),
            "second start: EAL can be started once in a process, and has been");
}

TEST(EalStart, GoesOnBesideAnotherProcess) {
  const Wire wire;
  Probe first({"vdev:net_ring0", "1", "128"});
  Probe second({"vdev:net_ring0", "1", "128"});
  EXPECT_NE(first.wait_for("open"), "") << first.finish();
  EXPECT_NE(second.wait_for("open"), "") << second.finish();
}

TEST(EalStart, SaysWhyItFailed) {
  const Wire wire;
  Probe probe({"vdev:net_ring0", "1", "64"},
              {"env", "ASAN_OPTIONS=detect_leaks=0", "prlimit", "--nofile=6"});
  const std::string failure = probe.wait_for("failed");
  EXPECT_EQ(failure.find("failed EAL does not start: "), 0U) << probe.finish();
  EXPECT_NE(failure.find("it said: "), std::string::npos) << failure;
  const std::string report = probe.finish();
  EXPECT_EQ(report.find("Usage"), std::string::npos) << report;
  EXPECT_EQ(report.find("FATAL"), std::string::npos) << report;
  EXPECT_EQ(probe.errors(), "");
}

}  // namespace
