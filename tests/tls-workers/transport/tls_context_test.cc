// Whom a ticket may spare the proof, and what settings offer; against a server in memory.
#include "tls-workers/transport/tls_context.h"

#include <gmock/gmock.h>
#include <openssl/rand.h>

#include <fstream>

#include "tests/tls-workers/certificates.h"

namespace tests {
namespace {

using testing::HasSubstr;

/// A server that no socket leads to.
class MemoryServer {
 public:
  explicit MemoryServer(const Identity& identity) : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_security_level(context_.get(), 0);
    EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), identity.certificate.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), identity.key.get()), 1);
  }

  struct Handshake {
    bool done = false;
    bool resumed = false;
    std::string version;
    std::string cipher;
    std::string fault;
    std::optional<base::Time> ticket_proved;  // Of the ticket that the client has offered.
  };
  /// One connection of `client`, long enough to bring it tickets.
  Handshake shake_hands(const transport::TlsContext& client) const {
    transport::PeerNotes notes;
    const transport::Ssl here = client.make_ssl(base::Clock::now(), notes);
    const transport::Ssl there(SSL_new(context_.get()));
    // What the client writes is what the server reads, and the other way round.
    for (BIO* bio : {SSL_get_rbio(here.get()), SSL_get_wbio(here.get())}) BIO_up_ref(bio);
    SSL_set_bio(there.get(), SSL_get_wbio(here.get()), SSL_get_rbio(here.get()));
    SSL_set_accept_state(there.get());
    Handshake made;
    if (const SSL_SESSION* ticket = SSL_get0_session(here.get()))
      made.ticket_proved = transport::proved_at(ticket);
    constexpr int kSteps = 10;
    for (int i = 0; i < kSteps; ++i) {
      (void)SSL_do_handshake(here.get());
      (void)SSL_do_handshake(there.get());
    }
    made.fault = notes.complaint;
    made.done = SSL_is_init_finished(here.get()) == 1 && SSL_is_init_finished(there.get()) == 1;
    if (!made.done) return made;
    if (const auto fault = client.check_peer(here.get())) made.fault = fault->text;
    char octet = 0;
    (void)SSL_read(here.get(), &octet, 1);  // Tickets of TLS 1.3 come with what is read.
    made.resumed = SSL_session_reused(here.get()) == 1;
    made.version = SSL_get_version(here.get());
    made.cipher = SSL_get_cipher_name(here.get());
    SSL_set_shutdown(here.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return made;
  }
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest()
      : identity_(authority_.issue({.san = "DNS:dns.example, DNS:two.example, IP:192.0.2.1"})),
        server_(identity_) {
    settings_.name = "backend";
    settings_.address = *base::Endpoint::parse("192.0.2.1:853", 853);
    settings_.subject_name = "dns.example";
    settings_.ca_store = authority_.file();
  }

  /// Whether a client of `settings` resumes what one of `settings_` has begun.
  [[nodiscard]] bool resumes(const backends::BackendSettings& settings) {
    transport::Tickets tickets;
    const transport::TlsContext first(settings_, tickets);
    EXPECT_TRUE(server_.shake_hands(first).done);
    const transport::TlsContext second(settings, tickets);
    const MemoryServer::Handshake made = server_.shake_hands(second);
    EXPECT_TRUE(made.done) << made.fault;
    EXPECT_EQ(made.fault, "");
    return made.resumed;
  }

  Authority authority_;
  Identity identity_;
  MemoryServer server_;
  backends::BackendSettings settings_;
};

TEST_F(TlsContextTest, TicketsAreSharedByWhoeverExpectsTheSame) {
  backends::BackendSettings same = settings_;
  same.name = "the same by another name";
  EXPECT_TRUE(resumes(same));
}

TEST_F(TlsContextTest, TicketsAreOfOneAddress) {
  backends::BackendSettings other = settings_;
  other.address = *base::Endpoint::parse("192.0.2.2:853", 853);
  EXPECT_FALSE(resumes(other));
  other.address = *base::Endpoint::parse("192.0.2.1:854", 854);
  EXPECT_FALSE(resumes(other));
}

TEST_F(TlsContextTest, TicketsAreOfOneSubject) {
  backends::BackendSettings other = settings_;
  other.subject_name = "two.example";
  EXPECT_FALSE(resumes(other));
  other.subject_name.clear();
  other.subject_address = "192.0.2.1";
  EXPECT_FALSE(resumes(other));
}

TEST_F(TlsContextTest, TicketsAreOfOneSetOfPins) {
  backends::BackendSettings other = settings_;
  other.pins = {*backends::pin_of(identity_.certificate.get())};
  EXPECT_FALSE(resumes(other));
  settings_.pins = {*backends::pin_of(identity_.certificate.get())};
  other.pins.push_back({});
  EXPECT_FALSE(resumes(other));
}

TEST_F(TlsContextTest, TicketsAreOfOneSetOfAuthorities) {
  // A file of another name with the same in it is the same.
  const std::string copy = authority_.file() + ".copy";
  std::filesystem::copy_file(authority_.file(), copy);
  backends::BackendSettings other = settings_;
  other.ca_store = copy;
  EXPECT_TRUE(resumes(other));
  // One of the same name with something else in it is not.
  const Authority further("further");
  std::ofstream(copy, std::ios::app) << std::ifstream(further.file()).rdbuf();
  EXPECT_FALSE(resumes(other));
  std::filesystem::remove(copy);
}

TEST_F(TlsContextTest, TicketsAreForgottenWhenFlushed) {
  transport::Tickets tickets;
  const transport::TlsContext client(settings_, tickets);
  EXPECT_TRUE(server_.shake_hands(client).done);
  tickets.flush();
  EXPECT_FALSE(server_.shake_hands(client).resumed);
  EXPECT_TRUE(server_.shake_hands(client).resumed);
}

TEST_F(TlsContextTest, TicketsOfResumedSessionsAreAsOldAsTheirFullHandshake) {
  transport::Tickets tickets;
  const transport::TlsContext client(settings_, tickets);
  EXPECT_EQ(server_.shake_hands(client).ticket_proved, std::nullopt) << "there is no ticket yet";
  const base::Time done = base::Clock::now();
  // Two of the full handshake, and then one of each resumed one.
  for (int i = 0; i < 6; ++i) {
    const MemoryServer::Handshake made = server_.shake_hands(client);
    EXPECT_TRUE(made.resumed);
    ASSERT_TRUE(made.ticket_proved);
    EXPECT_LE(*made.ticket_proved, done);
  }
}

TEST_F(TlsContextTest, AKeyThatIsNotPinnedIsFoundInAResumedSessionToo) {
  // A ticket that got where it does not belong, so to say: the check after the handshake finds it.
  transport::Tickets tickets;
  const transport::TlsContext trusting(settings_, tickets);
  EXPECT_TRUE(server_.shake_hands(trusting).done);
  transport::PeerNotes notes;
  const transport::Ssl resumed = trusting.make_ssl(base::Clock::now(), notes);
  ASSERT_NE(SSL_get0_session(resumed.get()), nullptr);
  settings_.pins = {backends::Pin{1, 2, 3}};
  const transport::TlsContext pinning(settings_, tickets);
  const transport::Ssl strange = pinning.make_ssl(base::Clock::now(), notes);
  ASSERT_EQ(SSL_set_session(strange.get(), SSL_get0_session(resumed.get())), 1);
  const auto fault = pinning.check_peer(strange.get());
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, backends::Failure::Certificate);
}

TEST_F(TlsContextTest, VersionsOlderThanTheLeastAreRefused) {
  ASSERT_EQ(SSL_CTX_set_max_proto_version(server_.context(), TLS1_2_VERSION), 1);
  transport::Tickets tickets;
  EXPECT_EQ(server_.shake_hands(transport::TlsContext(settings_, tickets)).version, "TLSv1.2");
  settings_.tls.min_version = backends::TlsVersion::Tls13;
  EXPECT_FALSE(server_.shake_hands(transport::TlsContext(settings_, tickets)).done);
}

TEST_F(TlsContextTest, CiphersAndGroupsAreThoseOfTheSettings) {
  transport::Tickets tickets;
  settings_.tls.ciphers_tls_13 = "TLS_CHACHA20_POLY1305_SHA256";
  settings_.tls.ecdhe_curves = "P-384";
  EXPECT_EQ(server_.shake_hands(transport::TlsContext(settings_, tickets)).cipher,
            "TLS_CHACHA20_POLY1305_SHA256");
  ASSERT_EQ(SSL_CTX_set1_groups_list(server_.context(), "X25519"), 1);
  EXPECT_FALSE(server_.shake_hands(transport::TlsContext(settings_, tickets)).done);
  settings_.tls.ecdhe_curves = "P-384:X25519";
  EXPECT_TRUE(server_.shake_hands(transport::TlsContext(settings_, tickets)).done);
  ASSERT_EQ(SSL_CTX_set_max_proto_version(server_.context(), TLS1_2_VERSION), 1);
  // Both sides need the group of the certificate's key. RFC 8422 §5.1.
  ASSERT_EQ(SSL_CTX_set1_groups_list(server_.context(), "X25519:P-256"), 1);
  settings_.tls.ecdhe_curves = "X25519:P-256";
  settings_.tls.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_EQ(server_.shake_hands(transport::TlsContext(settings_, tickets)).cipher,
            "ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_F(TlsContextTest, NoTextOfCiphersLowersTheSecurityLevel) {
  // The configuration refuses it; were it to come here nevertheless, nothing would change.
  settings_.tls.ciphers = "ALL:@SECLEVEL=0";
  transport::Tickets tickets;
  const Key weak(EVP_RSA_gen(1024));
  const Identity identity = authority_.issue({.key = weak.get()});
  const MemoryServer server(identity);
  const auto made = server.shake_hands(transport::TlsContext(settings_, tickets));
  EXPECT_FALSE(made.done);
  EXPECT_THAT(made.fault, HasSubstr("key too weak"));
}

TEST_F(TlsContextTest, SettingsThatOpenSslDoesNotTakeAreFatal) {
  transport::Tickets tickets;
  for (std::string backends::TlsSettings::*text :
       {&backends::TlsSettings::ciphers, &backends::TlsSettings::ciphers_tls_13,
        &backends::TlsSettings::ecdhe_curves}) {
    backends::BackendSettings settings = settings_;
    settings.tls.*text = "nonsense";
    try {
      const transport::TlsContext unused(settings, tickets);
      ADD_FAILURE() << "no exception";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("backend backend: "));
    }
  }
}

TEST_F(TlsContextTest, KeysAreWrittenToTheFileThatIsSetAndOnlyThen) {
  const std::string path = authority_.file() + ".keys";
  const std::string from_environment = authority_.file() + ".environment";
  ASSERT_EQ(setenv("SSLKEYLOGFILE", from_environment.c_str(), 1), 0);
  transport::Tickets tickets;
  EXPECT_TRUE(server_.shake_hands(transport::TlsContext(settings_, tickets)).done);
  EXPECT_FALSE(std::filesystem::exists(path));
  settings_.tls.key_log_file = path;
  EXPECT_TRUE(server_.shake_hands(transport::TlsContext(settings_, tickets)).done);
  unsetenv("SSLKEYLOGFILE");
  EXPECT_FALSE(std::filesystem::exists(from_environment));
  std::ifstream keys(path);
  const std::string text((std::istreambuf_iterator<char>(keys)), {});
  EXPECT_THAT(text, HasSubstr("\nCLIENT_TRAFFIC_SECRET_0 "));
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tests
