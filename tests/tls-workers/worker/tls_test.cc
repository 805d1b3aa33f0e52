// Whom a worker talks to: only a peer that has proved who it is, and not a byte before.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(WorkerTls, Tls12IsSpoken) {
  DotServer server(good_identity(), {.max_protocol = TLS1_2_VERSION});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
}

TEST(WorkerTls, Tls11IsRefused) {
  DotServer server(good_identity(), {.max_protocol = TLS1_1_VERSION});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(backends::Failure::Tls), 1u);
  EXPECT_EQ(server.octets(), 0u);
}

TEST(WorkerTls, ServerMaySelectDot) {
  DotServer server(good_identity(), {.alpn = "dot"});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
}

TEST(WorkerTls, ServerThatSelectsAnotherProtocolIsRefused) {
  DotServer server(good_identity(), {.alpn = "http/1.1"});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(backends::Failure::Tls), 1u);
  EXPECT_EQ(server.octets(), 0u);
}

/// What a peer may do instead of a TLS handshake.
struct NotTls {
  const char* name;
  std::function<void(int fd)> act;
};

class WorkerHandshake : public testing::TestWithParam<NotTls> {};

void read_until_end(int fd) {
  std::array<char, 4096> buffer;
  while (read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

TEST_P(WorkerHandshake, HoldsUpNobodyAndIsNotTriedInTheClear) {
  std::mutex mutex;
  std::vector<unsigned char> first_octets;
  DotServer bad(good_identity(), {.raw = [&](int fd) {
                  unsigned char octet = 0;
                  if (recv(fd, &octet, 1, MSG_PEEK) == 1) {
                    const std::lock_guard lock(mutex);
                    first_octets.push_back(octet);
                  }
                  GetParam().act(fd);
                }});
  DotServer good(good_identity());
  std::vector<backends::BackendSettings> backends = {backend_at(bad.endpoint(), "bad"),
                                                     backend_at(good.endpoint(), "good")};
  backends[1].order = 2;
  WorkerRig rig(backends);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
  ASSERT_TRUE(eventually([&] { return rig.failures(backends::Failure::Tls, 0) >= 1; }));
  EXPECT_EQ(rig.backend(0).queries.read(), 0u);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(first_octets, testing::Each(0x16));  // A TLS handshake record, RFC 8446 §5.1.
}

INSTANTIATE_TEST_SUITE_P(
    Peers, WorkerHandshake,
    testing::Values(NotTls{"stalls", read_until_end}, NotTls{"closes", [](int) {}},
                    NotTls{"garbage",
                           [](int fd) {
                             (void)!write(fd, "\x16\x03\x03\xFF\xFFgarbage", 12);
                             read_until_end(fd);
                           }},
                    NotTls{"speaks_http",
                           [](int fd) {
                             const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
                             (void)!write(fd, text.data(), text.size());
                             read_until_end(fd);
                           }},
                    NotTls{"alert",
                           [](int fd) {
                             (void)!write(fd, "\x15\x03\x03\x00\x02\x02\x28", 7);
                             read_until_end(fd);
                           }}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(WorkerTls, StalledHandshakeAloneIsFailedByTheDeadline) {
  DotServer bad(good_identity(), {.raw = read_until_end});
  WorkerRig rig({backend_at(bad.endpoint())});
  const exchange::Fill fill = rig.resolve("www.example.", base::milliseconds(200));
  EXPECT_EQ(fill.entry, nullptr);
  EXPECT_EQ(fill.ede, dns::Ede::NoReachableAuthority);
}

TEST(WorkerTls, FailedHandshakeLeavesOtherSessionsAlone) {
  // Both on one thread and so on one OpenSSL error queue.
  const Identity wrong = authority().issue({.san = "DNS:other.example"});
  DotServer bad(wrong);
  DotServer good(good_identity());
  std::vector<backends::BackendSettings> backends = {backend_at(bad.endpoint(), "bad"),
                                                     backend_at(good.endpoint(), "good")};
  WorkerRig rig(backends);
  int asked = 0;
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(asked++) + ".example.")), "192.0.2.1");
    return rig.failures(backends::Failure::Certificate, 0) >= 3;
  }));
  EXPECT_EQ(good.connections(), 1u);
  EXPECT_EQ(rig.backend(1).failures.total(), 0u);
}

std::shared_ptr<const questions::Configuration> configuration_of(
    const backends::BackendSettings& settings) {
  return std::make_shared<questions::Configuration>(
      questions::Configuration{.backends = {WorkerRig::backend_of(settings)}, .pools = {{}, {}}});
}

TEST(WorkerTls, MissingTrustStoreIsNotFatal) {
  exchange::Exchange exchange({});
  cache::Readers readers(1);
  transport::Tickets tickets;
  backends::BackendSettings settings =
      backend_at(*base::Endpoint::parse("127.0.0.1:853", 853), "lonely");
  settings.ca_store = "/nonexistent/ca.pem";
  // Nobody is trusted then; the others are asked as ever.
  EXPECT_NO_THROW(worker::Worker({}, configuration_of(settings), exchange, readers, tickets, {}));
}

TEST(WorkerTls, BackendWithoutASubjectIsFatal) {
  exchange::Exchange exchange({});
  cache::Readers readers(1);
  transport::Tickets tickets;
  backends::BackendSettings settings = backend_at(*base::Endpoint::parse("127.0.0.1:853", 853));
  settings.subject_name.clear();
  const auto make = [&] {
    worker::Worker unused({}, configuration_of(settings), exchange, readers, tickets, {});
  };
  EXPECT_THROW(make(), std::runtime_error);
  settings.subject_address = "not an address";
  EXPECT_THROW(make(), std::runtime_error);
}

}  // namespace
}  // namespace tests
