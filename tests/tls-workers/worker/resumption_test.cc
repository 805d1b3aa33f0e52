// Tickets: what they save, and that they prove nothing that a certificate would not. A ticket that
// a server does not take costs the full handshake that there would have been without it, on the
// same connection. No early data, ever.
#include <gmock/gmock.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <mutex>
#include <set>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::Gt;
using testing::HasSubstr;
using testing::SizeIs;

/// One answer for each connection, so that the next question needs the next one.
void answer_once(Connection& connection) {
  if (const auto query = connection.read_query()) connection.send(answer_to(*query));
  connection.close();
}

void draw_new_ticket_keys(SSL_CTX* context) {
  std::array<unsigned char, 80> keys{};
  ASSERT_EQ(RAND_bytes(keys.data(), static_cast<int>(keys.size())), 1);
  ASSERT_EQ(SSL_CTX_set_tlsext_ticket_keys(context, keys.data(), keys.size()), 1);
}

void show(SSL_CTX* context, const Identity& identity) {
  ASSERT_EQ(SSL_CTX_use_certificate(context, identity.certificate.get()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(context, identity.key.get()), 1);
}

/// What clients put into some extension of their first message, connection by connection.
class Hellos {
 public:
  explicit Hellos(unsigned extension) : extension_(extension) {}
  void prepare(SSL_CTX* context) { SSL_CTX_set_client_hello_cb(context, note, this); }
  [[nodiscard]] std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  static int note(SSL* ssl, int*, void* self_pointer) {
    auto* self = static_cast<Hellos*>(self_pointer);
    const unsigned char* data = nullptr;
    size_t size = 0;
    std::string octets = "absent";
    if (SSL_client_hello_get0_ext(ssl, self->extension_, &data, &size) == 1)
      octets.assign(reinterpret_cast<const char*>(data), size);
    const std::lock_guard lock(self->mutex_);
    self->seen_.push_back(octets);
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  const unsigned extension_;
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
};

class WorkerResumption : public testing::TestWithParam<std::pair<const char*, int>> {
 protected:
  [[nodiscard]] static int version() { return GetParam().second; }
};

TEST_P(WorkerResumption, SecondConnectionResumes) {
  DotServer server(good_identity(), {.script = answer_once, .max_protocol = version()});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_GE(server.handshakes_resumed(), 1u);
  EXPECT_GE(rig.backend().handshakes_resumed.read(), 1u);
  EXPECT_GE(rig.backend().handshakes_full.read(), 1u);
}

TEST_P(WorkerResumption, TicketThatIsNotTakenCostsAFullHandshakeOnTheSameConnection) {
  Hellos hellos(version() == TLS1_3_VERSION ? TLSEXT_TYPE_psk : TLSEXT_TYPE_session_ticket);
  DotServer server(good_identity(),
                   {.script =
                        [](Connection& connection) {
                          draw_new_ticket_keys(SSL_get_SSL_CTX(connection.ssl()));
                          answer_once(connection);
                        },
                    .max_protocol = version(),
                    .prepare = [&](SSL_CTX* context) { hellos.prepare(context); }});
  WorkerRig rig({backend_at(server.endpoint())});
  for (const char* name : {"a.example.", "b.example.", "c.example."})
    EXPECT_EQ(address_in(rig.resolve(name)), "192.0.2.1");
  EXPECT_EQ(server.handshakes_resumed(), 0u);
  EXPECT_EQ(server.handshakes_failed(), 0u);
  EXPECT_GE(server.handshakes(), 3u);
  // There was one to be refused.
  EXPECT_THAT(hellos.seen(), Contains(SizeIs(Gt(16u))));
  EXPECT_EQ(rig.failures(backends::Failure::Tls) + rig.failures(backends::Failure::Certificate),
            0u);
}

TEST_P(WorkerResumption, CertificateThatChangesMeanwhileIsCheckedAnew) {
  const Identity renewed = authority().issue({.common_name = "renewed"});
  DotServer server(good_identity(), {.script =
                                         [&](Connection& connection) {
                                           SSL_CTX* context = SSL_get_SSL_CTX(connection.ssl());
                                           draw_new_ticket_keys(context);
                                           show(context, renewed);
                                           answer_once(connection);
                                         },
                                     .max_protocol = version()});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(server.handshakes_resumed(), 0u);
}

TEST_P(WorkerResumption, CertificateThatBecomesAnothersIsRefused) {
  const Identity others = authority().issue({.san = "DNS:other.example"});
  DotServer server(good_identity(), {.script =
                                         [&](Connection& connection) {
                                           SSL_CTX* context = SSL_get_SSL_CTX(connection.ssl());
                                           draw_new_ticket_keys(context);
                                           show(context, others);
                                           answer_once(connection);
                                         },
                                     .max_protocol = version()});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  const uint64_t octets = server.octets();
  EXPECT_EQ(rig.resolve("b.example.").entry, nullptr);
  EXPECT_GE(rig.failures(backends::Failure::Certificate), 1u);
  EXPECT_THAT(rig.notices(), Contains(HasSubstr("for 'other.example', expected 'dns.example'")));
  EXPECT_EQ(server.octets(), octets);
}

INSTANTIATE_TEST_SUITE_P(Versions, WorkerResumption,
                         testing::Values(std::pair("tls12", TLS1_2_VERSION),
                                         std::pair("tls13", TLS1_3_VERSION)),
                         [](const auto& test) { return std::string(test.param.first); });

TEST(WorkerTickets, EachIsUsedOnce) {
  Hellos hellos(TLSEXT_TYPE_psk);
  DotServer server(good_identity(),
                   {.script = answer_once, .prepare = [&](SSL_CTX* c) { hellos.prepare(c); }});
  WorkerRig rig({backend_at(server.endpoint())});
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
  std::set<std::string> identities;
  unsigned offered = 0;
  for (const std::string& psk : hellos.seen()) {
    if (psk == "absent") continue;
    ++offered;
    // The length of the first identity, and it: RFC 8446 §4.2.11. What follows is bound to the
    // hello.
    const size_t size =
        static_cast<unsigned char>(psk.at(2)) << 8U | static_cast<unsigned char>(psk.at(3));
    identities.insert(psk.substr(4, size));
  }
  EXPECT_GE(offered, 3u);
  EXPECT_EQ(identities.size(), offered);
}

/// A TLS 1.2 server gives no new ticket with a session that comes of one. RFC 5077 §3.3.
TEST(WorkerTickets, OfTls12AreUsedAgain) {
  DotServer server(good_identity(), {.script = answer_once, .max_protocol = TLS1_2_VERSION});
  WorkerRig rig({backend_at(server.endpoint())});
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
  // Two may have been opened at once before there was a ticket.
  EXPECT_LE(server.handshakes() - server.handshakes_resumed(), 2u);
  EXPECT_GE(server.handshakes_resumed(), 9u);
}

TEST(WorkerTickets, BringNoEarlyDataEvenIfTheServerTakesIt) {
  Hellos hellos(TLSEXT_TYPE_early_data);
  std::vector<int> early;
  std::mutex mutex;
  DotServer server(good_identity(),
                   {.script =
                        [&](Connection& connection) {
                          {
                            const std::lock_guard lock(mutex);
                            early.push_back(SSL_get_early_data_status(connection.ssl()));
                          }
                          answer_once(connection);
                        },
                    .prepare =
                        [&](SSL_CTX* context) {
                          hellos.prepare(context);
                          SSL_CTX_set_max_early_data(context, 16384);
                        }});
  WorkerRig rig({backend_at(server.endpoint())});
  for (const char* name : {"a.example.", "b.example.", "c.example."})
    EXPECT_EQ(address_in(rig.resolve(name)), "192.0.2.1");
  EXPECT_GE(server.handshakes_resumed(), 1u);
  EXPECT_THAT(hellos.seen(), testing::Each("absent"));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(early, testing::Each(SSL_EARLY_DATA_NOT_SENT));
}

}  // namespace
}  // namespace tests
