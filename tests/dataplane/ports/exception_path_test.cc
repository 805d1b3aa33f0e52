// The thread between the rings and real TAPs, without poll cores: the test is the core, and the
// kernel of a network namespace of its own is the other end.
#include "dataplane/ports/exception_path.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <thread>

#include "tests/packet_builder.h"

namespace poll {
namespace {

using testing::HasSubstr;
using tests::address;
using tests::Bytes;
using tests::mac;
using tests::Packet;

const base::Endpoint kBind = {address("192.0.2.1"), 53};
const base::Endpoint kBind6 = {address("2001:db8::1"), 53};

void run(const std::string& command) {
  EXPECT_EQ(std::system((command + " 2>&1").c_str()), 0) << command;
}
bool succeeds(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// Deadlines end a hang; they measure nothing.
bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

ports::ExceptionPort port(const std::string& name = "dns0", uint16_t index = 3) {
  return {.index = index, .tap = {.name = name, .mac = mac(1), .mtu = 1400}};
}

/// Opens a path whose thread runs until the end.
class ExceptionPathTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << strerror(errno) << "; these tests need root";
    // Else the kernel talks of its own accord, about neighbours and groups.
    run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
    run("ip link set lo up");
  }
  void TearDown() override { close_path(); }

  void open_path(const std::vector<ports::ExceptionPort>& ports = {port()}) {
    auto opened = ports::ExceptionPath::open(2, ports, {kBind});
    ASSERT_TRUE(opened.has_value()) << opened.error();
    path_ = std::move(*opened);
    thread_ = std::thread([this] { path_->run(); });
  }
  void close_path() {
    if (!thread_.joinable()) return;
    path_->stop();
    thread_.join();
    path_.reset();
  }
  static std::string failure(const std::vector<ports::ExceptionPort>& ports,
                             const std::vector<base::Endpoint>& binds = {kBind}) {
    auto opened = ports::ExceptionPath::open(1, ports, binds);
    return opened ? "opened" : opened.error();
  }

  void core_hands_over(const Bytes& octets, unsigned core = 0, uint16_t index = 3) {
    auto frame = std::make_unique<ExceptionFrame>();
    frame->port = index;
    frame->size = static_cast<uint16_t>(octets.size());
    std::copy(octets.begin(), octets.end(), frame->octets.begin());
    ASSERT_TRUE(path_->to_kernel(core).ring.push(*frame));
    path_->to_kernel(core).doorbell.ring();
  }
  /// The next frame that the kernel sends over the TAP; none if there is none for long.
  std::optional<Bytes> kernel_sent(uint16_t index = 3) {
    auto frame = std::make_unique<ExceptionFrame>();
    ExceptionRing& ring = *path_->from_kernel(index);
    if (!comes_true([&] { return ring.pop({frame.get(), 1}) == 1; })) return std::nullopt;
    const base::ByteView octets = frame->bytes();
    return Bytes(octets.begin(), octets.end());
  }
  [[nodiscard]] uint64_t to_kernel() const { return path_->counters(3)->to_kernel.read(); }
  [[nodiscard]] uint64_t refused() const { return path_->counters(3)->refused.read(); }

  std::unique_ptr<ports::ExceptionPath> path_;
  std::thread thread_;
};

uint16_t ether_type(const Bytes& frame) { return base::load_be16(&frame[12]); }

/// UDP to an address that the kernel has, and a port that `receive` listens on.
Bytes datagram(const std::string& text) {
  Packet packet;
  packet.destination.port = 7000;
  packet.payload = tests::bytes_of(text);
  return packet.build();
}

base::Descriptor udp_socket(uint16_t port) {
  base::Descriptor made(socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(port);
  local.sin_addr.s_addr = inet_addr("192.0.2.1");
  EXPECT_EQ(bind(made.get(), reinterpret_cast<sockaddr*>(&local), sizeof local), 0);
  const timeval longest{.tv_sec = 20, .tv_usec = 0};
  EXPECT_EQ(setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest), 0);
  return made;
}

std::string receive(const base::Descriptor& socket) {
  std::array<char, 2048> text;
  const ssize_t size = recv(socket.get(), text.data(), text.size(), 0);
  return size < 0 ? strerror(errno) : std::string(text.data(), static_cast<size_t>(size));
}

void send_to_neighbour(const base::Descriptor& socket, const std::string& text) {
  sockaddr_in neighbour{};
  neighbour.sin_family = AF_INET;
  neighbour.sin_port = htons(40000);
  neighbour.sin_addr.s_addr = inet_addr("192.0.2.2");
  EXPECT_EQ(sendto(socket.get(), text.data(), text.size(), 0,
                   reinterpret_cast<sockaddr*>(&neighbour), sizeof neighbour),
            static_cast<ssize_t>(text.size()));
}

TEST_F(ExceptionPathTest, BringsTheTapUpAsThePortsDouble) {
  open_path();
  run("ip -o link show dns0 | grep -q '[<,]UP[,>].* mtu 1400 .*02:00:00:00:00:01'");
  run("ip -d link show dns0 | grep -q 'tun type tap pi off vnet_hdr off'");
  close_path();
  EXPECT_FALSE(succeeds("ip link show dns0")) << "it goes with the path";
}

TEST_F(ExceptionPathTest, HasAPathForItsPortsOnly) {
  open_path({port("dns0", 3), port("dns1", 5)});
  EXPECT_NE(path_->from_kernel(3), nullptr);
  EXPECT_NE(path_->from_kernel(5), path_->from_kernel(3));
  EXPECT_EQ(path_->from_kernel(4), nullptr);
  EXPECT_EQ(path_->counters(4), nullptr);
}

TEST_F(ExceptionPathTest, CarriesFramesOfEveryCoreToTheKernel) {
  open_path();
  run("ip address add 192.0.2.1/24 dev dns0");
  const base::Descriptor socket = udp_socket(7000);
  core_hands_over(datagram("from one core"), 0);
  EXPECT_EQ(receive(socket), "from one core");
  core_hands_over(datagram("from another"), 1);
  EXPECT_EQ(receive(socket), "from another");
  EXPECT_TRUE(comes_true([&] { return to_kernel() == 2; }));
  EXPECT_EQ(refused(), 0u);
}

TEST_F(ExceptionPathTest, CarriesWhatTheKernelSendsWithItsChecksumsDone) {
  open_path();
  run("ip address add 192.0.2.1/24 dev dns0");
  run("ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev dns0");
  send_to_neighbour(udp_socket(7000), "a datagram");
  const std::optional<Bytes> sent = kernel_sent();
  ASSERT_TRUE(sent);
  const auto parsed = parse_frame(*sent, {.mac = mac(2)});
  ASSERT_TRUE(parsed.has_value()) << "a good frame, UDP checksum included";
  EXPECT_EQ(parsed->path.client_mac, mac(1));
  EXPECT_EQ(Bytes(sent->begin() + parsed->payload_at, sent->end()), tests::bytes_of("a datagram"));
}

TEST_F(ExceptionPathTest, KeepsTheTapsOfTwoPortsApart) {
  open_path({port("dns0", 3), port("dns1", 5)});
  run("ip address add 192.0.2.1/24 dev dns1");
  run("ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev dns1");
  const base::Descriptor socket = udp_socket(7000);
  core_hands_over(datagram("over the second"), 0, 5);
  EXPECT_EQ(receive(socket), "over the second");
  // Counted after the kernel has it, which may be after the socket has.
  EXPECT_TRUE(comes_true([&] { return path_->counters(5)->to_kernel.read() == 1; }));
  EXPECT_EQ(to_kernel(), 0u);
  send_to_neighbour(socket, "back");
  EXPECT_TRUE(kernel_sent(5));
  EXPECT_TRUE(path_->from_kernel(3)->empty());
}

TEST_F(ExceptionPathTest, LetsTheKernelAskForNeighbours) {
  open_path();
  run("ip address add 192.0.2.1/24 dev dns0");
  send_to_neighbour(udp_socket(7000), "whose MAC is not known");
  const std::optional<Bytes> sent = kernel_sent();
  ASSERT_TRUE(sent);
  EXPECT_EQ(ether_type(*sent), 0x0806);
}

TEST_F(ExceptionPathTest, CountsWhatATapThatIsDownRefuses) {
  open_path();
  run("ip link set dns0 down");
  core_hands_over(datagram("into the void"));
  EXPECT_TRUE(comes_true([&] { return refused() == 1; }));
  run("ip link set dns0 up");
  core_hands_over(datagram("again"));
  EXPECT_TRUE(comes_true([&] { return to_kernel() == 1; }));
  EXPECT_EQ(refused(), 1u);
}

TEST_F(ExceptionPathTest, SurvivesTheRemovalOfItsTap) {
  open_path({port("dns0", 3), port("dns1", 5)});
  run("ip link del dns0");
  core_hands_over(datagram("into the void"));
  EXPECT_TRUE(comes_true([&] { return refused() == 1; }));
  run("ip address add 192.0.2.1/24 dev dns1");
  const base::Descriptor socket = udp_socket(7000);
  core_hands_over(datagram("the other one works"), 0, 5);
  EXPECT_EQ(receive(socket), "the other one works");
  // Asleep, not spinning on a file that has nothing to say but that.
  EXPECT_TRUE(comes_true([&] {
    const uint64_t turns = path_->turns().read();
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    return path_->turns().read() - turns < 10;
  }));
}

TEST_F(ExceptionPathTest, CountsWhatTheCoreHasNoTimeFor) {
  open_path();
  run("ip address add 192.0.2.1/24 dev dns0");
  run("ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev dns0");
  const base::Descriptor socket = udp_socket(7000);
  const base::Counter& full = path_->counters(3)->unsent[Unsent::RingFull];
  const unsigned capacity = path_->from_kernel(3)->capacity();
  EXPECT_TRUE(comes_true([&] {
    for (unsigned i = 0; i < capacity; ++i) send_to_neighbour(socket, "crowd");
    return full.read() > 0;
  }));
  unsigned kept = 0;
  auto frame = std::make_unique<ExceptionFrame>();
  while (path_->from_kernel(3)->pop({frame.get(), 1}) == 1) ++kept;
  EXPECT_GE(kept, capacity);
}

TEST_F(ExceptionPathTest, CountsAFrameThatIsTooLong) {
  open_path();
  run("ip address add 192.0.2.1/24 dev dns0");
  run("ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev dns0");
  run("ip link set dns0 mtu 9000");  // By somebody, later.
  const base::Descriptor socket = udp_socket(7000);
  send_to_neighbour(socket, std::string(5000, 'x'));
  EXPECT_TRUE(comes_true([&] { return path_->counters(3)->unsent[Unsent::TooLong].read() == 1; }));
  send_to_neighbour(socket, "short");
  const std::optional<Bytes> sent = kernel_sent();
  ASSERT_TRUE(sent);
  EXPECT_LT(sent->size(), 100u);
}

TEST_F(ExceptionPathTest, DeliversWhatWasHandedOverBeforeTheEnd) {
  auto opened = ports::ExceptionPath::open(1, {port()}, {kBind});
  ASSERT_TRUE(opened.has_value()) << opened.error();
  path_ = std::move(*opened);
  for (int i = 0; i < 500; ++i) core_hands_over(datagram("late"));
  path_->stop();
  path_->run();
  EXPECT_EQ(to_kernel(), 500u);
}

/// UDP to a bind that the kernel gets to see all the same.
Bytes query() {
  Packet packet;
  packet.ip_options = Bytes(4, std::byte{1});
  return packet.build();
}

TEST_F(ExceptionPathTest, KeepsTheKernelQuietAboutQueries) {
  open_path();
  // The address comes later than the path, as it does when a routing daemon sets it.
  run("ip address add 192.0.2.1/24 dev dns0");
  run("ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev dns0");
  core_hands_over(query());
  core_hands_over(datagram("to a port that nobody has"));
  const std::optional<Bytes> sent = kernel_sent();
  ASSERT_TRUE(sent);
  // ICMP repeats what it complains of; the ports follow its own header and the inner one of IP.
  EXPECT_EQ(base::load_be16(&sent->at(14 + 20 + 8 + 20 + 2)), 7000);
  EXPECT_TRUE(comes_true([&] { return to_kernel() == 2; }));
  EXPECT_TRUE(path_->from_kernel(3)->empty());
}

TEST_F(ExceptionPathTest, TakesOverATapOfTheOperatorsAndLeavesItBehind) {
  run("ip tuntap add dev dns0 mode tap");
  run("ip address add 192.0.2.1/24 dev dns0");
  for (int round = 0; round < 2; ++round) {
    open_path();
    const base::Descriptor socket = udp_socket(7000);
    core_hands_over(datagram("hello"));
    EXPECT_EQ(receive(socket), "hello");
    close_path();
    run("ip address show dev dns0 | grep -q 192.0.2.1/24");
  }
}

TEST_F(ExceptionPathTest, RefusesATapThatIsInUse) {
  open_path();
  EXPECT_EQ(failure({port()}), "tap:dns0: in use by another program");
}

TEST_F(ExceptionPathTest, RefusesAnInterfaceThatIsNoTap) {
  run("ip link add dns0 type veth peer name dns1");
  EXPECT_THAT(failure({port()}),
              HasSubstr("tap:dns0: there is an interface of that name already, and it is no TAP"));
  EXPECT_THAT(failure({port("lo")}), HasSubstr("tap:lo: there is an interface of that name"));
  run("ip tuntap add dev tun0 mode tun");
  EXPECT_THAT(failure({port("tun0")}), HasSubstr("it is no TAP"));
}

TEST_F(ExceptionPathTest, RefusesAddressesThatAnotherProgramAnswersAt) {
  run("ip address add 192.0.2.1/24 dev lo");
  const base::Descriptor other = udp_socket(53);
  EXPECT_EQ(failure({port()}), "tap:dns0: 192.0.2.1:53 is in use by another program");
  EXPECT_FALSE(succeeds("ip link show dns0")) << "what fails leaves nothing behind";
}

TEST_F(ExceptionPathTest, MutesIpv6AddressesThatAreNotThereYet) {
  run("sysctl -qw net.ipv6.conf.default.disable_ipv6=0");
  EXPECT_EQ(failure({port()}, {kBind, kBind6}), "opened");
}

}  // namespace
}  // namespace poll
