// Whom a worker talks to: only a peer that has proved who it is, and not a byte before.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tls-workers/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

const Authority& stranger() {
  static const Authority only("stranger");
  return only;
}

/// A certificate that must not be accepted for the backend it is shown by.
struct BadCertificate {
  const char* name;
  const char* said;  // Part of the notice.
  Leaf leaf;
  const char* expected_address = "";  // Instead of the name "dns.example".
  bool known_authority = true;
};

class WorkerCertificate : public testing::TestWithParam<BadCertificate> {};

TEST_P(WorkerCertificate, IsRefusedBeforeAnyQueryLeaves) {
  const BadCertificate& bad = GetParam();
  const Identity identity = (bad.known_authority ? authority() : stranger()).issue(bad.leaf);
  DotServer server(identity);
  tls::BackendSettings settings = backend_at(server.endpoint());
  if (*bad.expected_address != '\0') {
    settings.subject_name.clear();
    settings.subject_address = bad.expected_address;
  }
  WorkerRig rig({settings});
  const exchange::Fill fill = rig.resolve("secret.example.");
  EXPECT_EQ(fill.entry, nullptr);
  EXPECT_EQ(fill.ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(tls::Failure::Certificate), 1u);
  EXPECT_EQ(rig.backend().queries.read(), 0u);
  EXPECT_EQ(rig.backend().up.read(), 0u);
  EXPECT_THAT(rig.notices(), Contains(HasSubstr(bad.said)));
  ASSERT_TRUE(eventually([&] { return server.handshakes_failed() >= 1; }));
  EXPECT_EQ(server.handshakes(), 0u);
  EXPECT_EQ(server.octets(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, WorkerCertificate,
    testing::Values(
        BadCertificate{"wrong_name",
                       "certificate is for 'other.example', expected 'dns.example'",
                       {.san = "DNS:other.example"}},
        BadCertificate{"parent_name", "expected 'dns.example'", {.san = "DNS:example"}},
        BadCertificate{
            "wildcard_of_another_level", "expected 'dns.example'", {.san = "DNS:*.dns.example"}},
        BadCertificate{"partial_wildcard", "expected 'dns.example'", {.san = "DNS:d*.example"}},
        BadCertificate{
            "only_a_common_name", "no name at all", {.san = "", .common_name = "dns.example"}},
        BadCertificate{"address_instead_of_name", "'127.0.0.1'", {.san = "IP:127.0.0.1"}},
        BadCertificate{"name_instead_of_address",
                       "expected '127.0.0.1'",
                       {.san = "DNS:127.0.0.1"},
                       "127.0.0.1"},
        BadCertificate{"wrong_address",
                       "certificate is for '192.0.2.1', expected '127.0.0.1'",
                       {.san = "IP:192.0.2.1"},
                       "127.0.0.1"},
        BadCertificate{"expired", "expired", {.not_before = -7200, .not_after = -3600}},
        BadCertificate{"not_yet_valid", "not yet valid", {.not_before = 3600, .not_after = 7200}},
        BadCertificate{"unknown_authority", "local issuer", {}, "", false}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(WorkerTls, WildcardForAWholeLabelIsAccepted) {
  const Identity identity = authority().issue({.san = "DNS:*.dns.example"});
  DotServer server(identity);
  tls::BackendSettings settings = backend_at(server.endpoint());
  settings.subject_name = "one.dns.example";
  WorkerRig rig({settings});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
}

TEST(WorkerTls, AddressInTheCertificateIsAccepted) {
  const Identity identity = authority().issue({.san = "IP:127.0.0.1"});
  DotServer server(identity);
  tls::BackendSettings settings = backend_at(server.endpoint());
  settings.subject_name.clear();
  settings.subject_address = "127.0.0.1";
  WorkerRig rig({settings});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
}

TEST(WorkerTls, Tls12IsSpoken) {
  DotServer server(good_identity(), {.max_protocol = TLS1_2_VERSION});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
}

TEST(WorkerTls, Tls11IsRefused) {
  DotServer server(good_identity(), {.max_protocol = TLS1_1_VERSION});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(tls::Failure::Tls), 1u);
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
  EXPECT_GE(rig.failures(tls::Failure::Tls), 1u);
  EXPECT_EQ(server.octets(), 0u);
}

class WorkerResumption : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(WorkerResumption, SecondConnectionResumes) {
  DotServer server(good_identity(), {.script =
                                         [](Connection& connection) {
                                           if (const auto query = connection.read_query())
                                             connection.send(answer_to(*query));
                                           connection.close();
                                         },
                                     .max_protocol = GetParam().second});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_GE(server.handshakes_resumed(), 1u);
  EXPECT_GE(rig.backend().handshakes_resumed.read(), 1u);
  EXPECT_GE(rig.backend().handshakes_full.read(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Versions, WorkerResumption,
                         testing::Values(std::pair("tls12", TLS1_2_VERSION),
                                         std::pair("tls13", TLS1_3_VERSION)),
                         [](const auto& test) { return std::string(test.param.first); });

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
  std::vector<tls::BackendSettings> backends = {backend_at(bad.endpoint(), "bad"),
                                                backend_at(good.endpoint(), "good")};
  backends[1].order = 2;
  WorkerRig rig(backends);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
  ASSERT_TRUE(eventually([&] { return rig.failures(tls::Failure::Tls, 0) >= 1; }));
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
  std::vector<tls::BackendSettings> backends = {backend_at(bad.endpoint(), "bad"),
                                                backend_at(good.endpoint(), "good")};
  WorkerRig rig(backends);
  int asked = 0;
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(asked++) + ".example.")), "192.0.2.1");
    return rig.failures(tls::Failure::Certificate, 0) >= 3;
  }));
  EXPECT_EQ(good.connections(), 1u);
  EXPECT_EQ(rig.backend(1).failures.total(), 0u);
}

TEST(WorkerTls, MissingTrustStoreIsFatal) {
  exchange::Exchange exchange({});
  cache::Readers readers(1);
  tls::Tickets tickets;
  tls::BackendSettings settings =
      backend_at(*base::Endpoint::parse("127.0.0.1:853", 853), "lonely");
  settings.ca_store = "/nonexistent/ca.pem";
  tls::WorkerSettings worker{.backends = {settings}, .pools = {{}, {}}};
  try {
    tls::Worker unused(worker, exchange, readers, tickets, {});
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("lonely"));
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/ca.pem"));
  }
}

TEST(WorkerTls, BackendWithoutASubjectIsFatal) {
  exchange::Exchange exchange({});
  cache::Readers readers(1);
  tls::Tickets tickets;
  tls::BackendSettings settings = backend_at(*base::Endpoint::parse("127.0.0.1:853", 853));
  settings.subject_name.clear();
  tls::WorkerSettings worker{.backends = {settings}, .pools = {{}, {}}};
  EXPECT_THROW(tls::Worker(worker, exchange, readers, tickets, {}), std::runtime_error);
  settings.subject_address = "not an address";
  worker.backends = {settings};
  EXPECT_THROW(tls::Worker(worker, exchange, readers, tickets, {}), std::runtime_error);
}

}  // namespace
}  // namespace tests
