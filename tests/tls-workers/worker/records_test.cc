// Servers that make a worker work for nothing: TLS's own messages without end. A few are normal and
// change nothing; a flood ends the session, and nobody waits for it.
#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <functional>

#include "tests/tls-workers/record_writer.h"
#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// Sends one message of TLS's own; false when the client has gone.
using Send = std::function<bool(SSL*)>;

struct Upkeep {
  const char* name;
  Send send;
  int max_protocol = 0;
};

bool ask_to_update_keys(SSL* ssl) {
  return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
}

bool update_keys(SSL* ssl) {
  return SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
}

bool give_a_ticket(SSL* ssl) {
  return SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1;
}

/// HelloRequest, RFC 5246 §7.4.1.1.
bool ask_to_renegotiate(SSL* ssl) {
  return SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1;
}

class WorkerUpkeep : public testing::TestWithParam<Upkeep> {};

constexpr int kFlood = 5000;
constexpr int kFew = 5;

TEST_P(WorkerUpkeep, WithoutEndEndsTheSession) {
  std::atomic<int> sent{0};
  DotServer server(good_identity(), {.script =
                                         [&](Connection& connection) {
                                           const auto query = connection.read_query();
                                           if (!query) return;
                                           connection.send(answer_to(*query));
                                           for (int i = 0; i < kFlood; ++i) {
                                             if (!GetParam().send(connection.ssl())) return;
                                             ++sent;
                                           }
                                           answer_all(connection);
                                         },
                                     .max_protocol = GetParam().max_protocol});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_TRUE(eventually([&] { return rig.failures(backends::Failure::Tls) >= 1; })) << sent;
  // It is told after it is counted.
  EXPECT_TRUE(eventually([&] { return !rig.notices().empty(); }));
  EXPECT_THAT(rig.notices(), Contains(HasSubstr("TLS records without data")));
}

TEST_P(WorkerUpkeep, InSmallNumbersIsNormal) {
  DotServer server(good_identity(), {.script =
                                         [](Connection& connection) {
                                           while (const auto query = connection.read_query()) {
                                             connection.send(answer_to(*query));
                                             for (int i = 0; i < kFew; ++i)
                                               (void)GetParam().send(connection.ssl());
                                           }
                                         },
                                     .max_protocol = GetParam().max_protocol});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  // One that asks to renegotiate gives up when it is refused; that is its own affair.
  if (GetParam().max_protocol == TLS1_2_VERSION) return;
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Messages, WorkerUpkeep,
                         testing::Values(Upkeep{"key_updates", update_keys},
                                         Upkeep{"key_updates_with_request", ask_to_update_keys},
                                         Upkeep{"session_tickets", give_a_ticket},
                                         Upkeep{"hello_requests", ask_to_renegotiate,
                                                TLS1_2_VERSION}),
                         [](const auto& test) { return std::string(test.param.name); });

/// Empty records; after each `pause` of them an octet of data, 0 for none.
class WorkerEmptyRecords : public testing::TestWithParam<int> {};

TEST_P(WorkerEmptyRecords, WithoutEndEndTheSession) {
  RecordWriter records;
  DotServer server(
      good_identity(),
      {.script =
           [&](Connection& connection) {
             const auto query = connection.read_query();
             if (!query) return;
             // Octets of a message that is long enough never to be complete.
             Bytes data{std::byte{0xFF}};
             for (int i = 0; i < kFlood; ++i) {
               const bool has_data = GetParam() > 0 && i % (GetParam() + 1) == GetParam();
               const Bytes record = records.seal(has_data ? data : Bytes{});
               if (::send(connection.fd(), record.data(), record.size(), MSG_NOSIGNAL) <= 0) return;
             }
             answer_all(connection);
           },
       .prepare = [&](SSL_CTX* context) { records.prepare(context); }});
  WorkerRig rig({backend_at(server.endpoint())});
  (void)rig.ask("a.example.");
  EXPECT_TRUE(eventually([&] { return rig.failures(backends::Failure::Tls) >= 1; }));
}

/// OpenSSL itself counts those in a row.
INSTANTIATE_TEST_SUITE_P(Pauses, WorkerEmptyRecords, testing::Values(0, 1, 20),
                         [](const auto& test) {
                           return "data_after_" + std::to_string(test.param);
                         });

TEST(WorkerEmptyRecord, AloneIsNormal) {
  RecordWriter records;
  DotServer server(
      good_identity(),
      {.script =
           [&](Connection& connection) {
             while (const auto query = connection.read_query()) {
               const Bytes empty = records.seal({});
               const Bytes answer = records.seal(Connection::framed(answer_to(*query)));
               (void)::send(connection.fd(), empty.data(), empty.size(), MSG_NOSIGNAL);
               (void)::send(connection.fd(), answer.data(), answer.size(), MSG_NOSIGNAL);
             }
           },
       .prepare = [&](SSL_CTX* context) { records.prepare(context); }});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

}  // namespace
}  // namespace tests
