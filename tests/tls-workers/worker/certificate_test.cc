// Certificates that must not be believed, one by one: not an octet of DNS leaves, the failure is
// counted, and the operator reads why. And those that must.
#include <gmock/gmock.h>
#include <openssl/rsa.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

const Authority& stranger() {
  static const Authority only("stranger");
  return only;
}

/// What a server shows: its own certificate, and those that it sends with it.
struct Shown {
  Identity identity;
  std::vector<Identity> chain = {};
};

constexpr const char* kIsAuthority = "critical,CA:TRUE";
constexpr const char* kSigns = "critical,keyCertSign";

Leaf intermediate_leaf() {
  return {.san = "",
          .common_name = "intermediate",
          .basic_constraints = kIsAuthority,
          .key_usage = kSigns};
}

Shown only(Identity identity) { return {std::move(identity)}; }

/// Signed by an intermediate, which is shown as well.
Shown by_intermediate(const Leaf& intermediate_says, const Leaf& leaf = {}) {
  Identity intermediate = authority().issue(intermediate_says);
  Shown shown{issue(&intermediate, leaf)};
  shown.chain.push_back(std::move(intermediate));
  return shown;
}

Shown without_its_intermediate() {
  Shown shown = by_intermediate(intermediate_leaf());
  shown.chain.clear();
  return shown;
}

/// The intermediate comes first, where the server's own certificate should be.
Shown intermediate_first() {
  Identity intermediate = authority().issue(intermediate_leaf());
  Identity leaf = issue(&intermediate, {});
  Shown shown{std::move(intermediate)};
  shown.chain.push_back(std::move(leaf));
  return shown;
}

Shown with_key(EVP_PKEY* key) {
  const Key owned(key);
  return only(authority().issue({.key = key}));
}

DotServerSettings settings_for(const Shown& shown) {
  DotServerSettings settings;
  for (const Identity& identity : shown.chain) settings.chain.push_back(identity.certificate.get());
  return settings;
}

backends::Pin pin_of(const Identity& identity) {
  return *backends::pin_of(identity.certificate.get());
}

/// A pin of nobody's key.
const backends::Pin kStrange{1, 2, 3};

// What a backend's settings say, other than its being "dns.example".
using Expect = std::function<void(backends::BackendSettings&, const Identity&)>;

void expect_address(backends::BackendSettings& settings, const Identity&) {
  settings.subject_name.clear();
  settings.subject_address = "127.0.0.1";
}

void expect_two_labels(backends::BackendSettings& settings, const Identity&) {
  settings.subject_name = "a.b.example";
}

/// The server's own key, and nothing else.
void expect_key(backends::BackendSettings& settings, const Identity& identity) {
  settings.subject_name.clear();
  settings.ca_store.clear();
  settings.pins = {kStrange, pin_of(identity)};
}

void expect_another_key(backends::BackendSettings& settings, const Identity& identity) {
  expect_key(settings, identity);
  settings.pins = {kStrange};
}

void expect_name_and_key(backends::BackendSettings& settings, const Identity& identity) {
  settings.pins = {pin_of(identity), kStrange};
}

void expect_name_and_another_key(backends::BackendSettings& settings, const Identity&) {
  settings.pins = {kStrange};
}

struct BadCertificate {
  const char* name;
  const char* said;  // Part of the notice.
  std::function<Shown()> show;
  Expect expect = {};
};

class WorkerCertificate : public testing::TestWithParam<BadCertificate> {};

TEST_P(WorkerCertificate, IsRefusedBeforeAnyQueryLeaves) {
  const BadCertificate& bad = GetParam();
  const Shown shown = bad.show();
  DotServer server(shown.identity, settings_for(shown));
  backends::BackendSettings settings = backend_at(server.endpoint());
  if (bad.expect) bad.expect(settings, shown.identity);
  WorkerRig rig({settings});
  const exchange::Fill fill = rig.resolve("secret.example.");
  EXPECT_EQ(fill.entry, nullptr);
  EXPECT_EQ(fill.ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(backends::Failure::Certificate), 1u);
  EXPECT_EQ(rig.failures(backends::Failure::Tls), 0u);
  EXPECT_EQ(rig.backend().queries.read(), 0u);
  EXPECT_EQ(rig.backend().up.read(), 0u);
  EXPECT_THAT(rig.notices(), Contains(HasSubstr(bad.said)));
  ASSERT_TRUE(eventually([&] { return server.handshakes_failed() >= 1; }));
  EXPECT_EQ(server.handshakes(), 0u);
  EXPECT_EQ(server.octets(), 0u);
}

std::string name_of(const testing::TestParamInfo<BadCertificate>& test) { return test.param.name; }

Shown leaf(const Leaf& says) { return only(authority().issue(says)); }

INSTANTIATE_TEST_SUITE_P(
    Names, WorkerCertificate,
    testing::Values(
        BadCertificate{"wrong_name", "certificate is for 'other.example', expected 'dns.example'",
                       [] { return leaf({.san = "DNS:other.example"}); }},
        BadCertificate{"parent_name", "expected 'dns.example'",
                       [] { return leaf({.san = "DNS:example"}); }},
        BadCertificate{"child_name", "expected 'dns.example'",
                       [] { return leaf({.san = "DNS:a.dns.example"}); }},
        BadCertificate{"wildcard_of_another_level", "expected 'dns.example'",
                       [] { return leaf({.san = "DNS:*.dns.example"}); }},
        BadCertificate{"wildcard_for_two_labels", "for '*.example', expected 'a.b.example'",
                       [] { return leaf({.san = "DNS:*.example"}); }, expect_two_labels},
        BadCertificate{"wildcard_with_a_label_too_few", "expected 'a.b.example'",
                       [] { return leaf({.san = "DNS:*.a.b.example"}); }, expect_two_labels},
        BadCertificate{"wildcard_for_two_labels_of_three", "expected 'one.a.b.example'",
                       [] { return leaf({.san = "DNS:*.b.example"}); },
                       [](backends::BackendSettings& settings, const Identity&) {
                         settings.subject_name = "one.a.b.example";
                       }},
        BadCertificate{"wildcard_for_everything", "expected 'dns.example'",
                       [] { return leaf({.san = "DNS:*"}); }},
        BadCertificate{"partial_wildcard", "expected 'dns.example'",
                       [] { return leaf({.san = "DNS:d*.example"}); }},
        BadCertificate{"wildcard_in_the_second_label", "expected 'a.b.example'",
                       [] { return leaf({.san = "DNS:a.*.example"}); }, expect_two_labels},
        BadCertificate{"only_a_common_name", "no name at all",
                       [] { return leaf({.san = "", .common_name = "dns.example"}); }},
        BadCertificate{
            "common_name_beside_another_name", "for 'other.example'",
            [] { return leaf({.san = "DNS:other.example", .common_name = "dns.example"}); }},
        BadCertificate{"nul_in_the_name", "'dns.example?.evil.example'",
                       [] {
                         return leaf(
                             {.san = "",
                              .dns_name_octets = std::string("dns.example\0.evil.example", 25)});
                       }},
        BadCertificate{
            "nul_at_the_end_of_the_name", "'dns.example?'",
            [] { return leaf({.san = "", .dns_name_octets = std::string("dns.example\0", 12)}); }},
        BadCertificate{"address_instead_of_name", "'127.0.0.1'",
                       [] { return leaf({.san = "IP:127.0.0.1"}); }},
        BadCertificate{"name_instead_of_address", "expected '127.0.0.1'",
                       [] { return leaf({.san = "DNS:127.0.0.1"}); }, expect_address},
        BadCertificate{"address_only_as_common_name", "no name at all",
                       [] { return leaf({.san = "", .common_name = "127.0.0.1"}); },
                       expect_address},
        BadCertificate{"wrong_address", "certificate is for '192.0.2.1', expected '127.0.0.1'",
                       [] { return leaf({.san = "IP:192.0.2.1"}); }, expect_address}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Chains, WorkerCertificate,
    testing::Values(
        BadCertificate{"expired", "expired",
                       [] { return leaf({.not_before = -7200, .not_after = -3600}); }},
        BadCertificate{"not_yet_valid", "not yet valid",
                       [] { return leaf({.not_before = 3600, .not_after = 7200}); }},
        BadCertificate{"self_signed", "self-signed", [] { return only(issue(nullptr, {})); }},
        BadCertificate{"unknown_authority", "local issuer",
                       [] { return only(stranger().issue({})); }},
        BadCertificate{"unknown_authority_shown_as_well",
                       "self-signed certificate in certificate "
                       "chain",
                       [] {
                         Identity root = issue(nullptr, intermediate_leaf());
                         Shown shown{issue(&root, {})};
                         shown.chain.push_back(std::move(root));
                         return shown;
                       }},
        BadCertificate{"namesake_of_the_authority", "signature failure",
                       [] {
                         static const Authority impostor("authority");
                         return only(impostor.issue({}));
                       }},
        BadCertificate{"missing_intermediate", "local issuer", without_its_intermediate},
        BadCertificate{"intermediate_first", "purpose", intermediate_first},
        BadCertificate{"expired_intermediate", "expired",
                       [] {
                         Leaf says = intermediate_leaf();
                         says.not_before = -7200;
                         says.not_after = -3600;
                         return by_intermediate(says);
                       }},
        BadCertificate{"issuer_that_is_no_authority", "invalid CA certificate",
                       [] {
                         Leaf says = intermediate_leaf();
                         says.basic_constraints = "critical,CA:FALSE";
                         return by_intermediate(says);
                       }},
        BadCertificate{"issuer_that_does_not_say_it_is_an_authority", "invalid CA certificate",
                       [] {
                         Leaf says = intermediate_leaf();
                         says.basic_constraints.clear();
                         says.key_usage = "digitalSignature";
                         return by_intermediate(says);
                       }},
        BadCertificate{"issuer_that_may_not_sign_certificates", "invalid CA certificate",
                       [] {
                         Leaf says = intermediate_leaf();
                         says.key_usage = "critical,cRLSign";
                         return by_intermediate(says);
                       }},
        BadCertificate{"chain_longer_than_allowed", "path length",
                       [] {
                         Leaf first = intermediate_leaf();
                         first.basic_constraints = "critical,CA:TRUE,pathlen:0";
                         Identity above = authority().issue(first);
                         Leaf second = intermediate_leaf();
                         second.common_name = "second intermediate";
                         Identity below = issue(&above, second);
                         Shown shown{issue(&below, {})};
                         shown.chain.push_back(std::move(below));
                         shown.chain.push_back(std::move(above));
                         return shown;
                       }},
        BadCertificate{"for_clients_only", "purpose",
                       [] { return leaf({.extended_key_usage = "clientAuth"}); }},
        BadCertificate{"for_mail_only", "purpose",
                       [] { return leaf({.extended_key_usage = "emailProtection"}); }},
        BadCertificate{"key_that_may_only_sign_certificates", "purpose",
                       [] { return leaf({.key_usage = kSigns}); }},
        BadCertificate{"weak_key", "key too weak", [] { return with_key(EVP_RSA_gen(1024)); }},
        BadCertificate{"weak_signature", "digest algorithm too weak",
                       [] { return leaf({.digest = EVP_sha1()}); }}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Pins, WorkerCertificate,
    testing::Values(
        BadCertificate{"another_key", "which is none of `pins`",
                       [] { return only(issue(nullptr, {})); }, expect_another_key},
        BadCertificate{"another_key_of_a_known_authority", "which is none of `pins`",
                       [] { return leaf({}); }, expect_another_key},
        BadCertificate{"right_name_and_another_key", "which is none of `pins`",
                       [] { return leaf({}); }, expect_name_and_another_key},
        BadCertificate{"right_key_and_wrong_name", "expected 'dns.example'",
                       [] { return leaf({.san = "DNS:other.example"}); }, expect_name_and_key},
        BadCertificate{"right_key_and_name_of_an_unknown_authority", "local issuer",
                       [] { return only(stranger().issue({})); }, expect_name_and_key},
        BadCertificate{"right_key_and_name_self_signed", "self-signed",
                       [] { return only(issue(nullptr, {})); }, expect_name_and_key},
        BadCertificate{
            "right_key_expired", "expired",
            [] { return only(issue(nullptr, {.not_before = -7200, .not_after = -3600})); },
            expect_key},
        BadCertificate{"right_key_not_yet_valid", "not yet valid",
                       [] { return only(issue(nullptr, {.not_before = 3600, .not_after = 7200})); },
                       expect_key},
        BadCertificate{"right_key_for_clients_only", "purpose",
                       [] { return only(issue(nullptr, {.extended_key_usage = "clientAuth"})); },
                       expect_key},
        BadCertificate{"right_key_that_is_weak", "key too weak",
                       [] { return with_key(EVP_RSA_gen(1024)); }, expect_key},
        BadCertificate{"pin_of_the_issuer", "which is none of `pins`",
                       [] { return by_intermediate(intermediate_leaf()); },
                       [](backends::BackendSettings& settings, const Identity&) {
                         settings.pins = {*backends::pin_of(authority().certificate())};
                       }}),
    name_of);

TEST(WorkerPins, TheNoticeNamesThePinThatWasSeen) {
  const Identity identity = authority().issue({});
  DotServer server(identity);
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.pins = {kStrange};
  WorkerRig rig({settings});
  EXPECT_EQ(rig.resolve("secret.example.").entry, nullptr);
  EXPECT_THAT(rig.notices(),
              Contains(HasSubstr("its key is " + backends::pin_text(pin_of(identity)) + ",")));
}

TEST(WorkerReport, TellsOfTheLastFailure) {
  const Identity identity = authority().issue({.san = "DNS:other.example"});
  DotServer server(identity);
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(rig.resolve("secret.example.").entry, nullptr);
  const backends::BackendReport report = rig.report();
  ASSERT_TRUE(report.last_failure);
  EXPECT_EQ(report.last_failure->kind, backends::Failure::Certificate);
  EXPECT_EQ(report.last_failure->text,
            "certificate is for 'other.example', expected 'dns.example'");
  EXPECT_FALSE(report.certificate) << "what was refused is no news";
}

TEST(WorkerReport, TellsUntilWhenTheCertificateIsValid) {
  const auto now = std::chrono::system_clock::now();
  const Identity identity = authority().issue({.not_after = 7200});
  DotServer server(identity);
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  const backends::BackendReport report = rig.report();
  ASSERT_TRUE(report.certificate);
  EXPECT_NEAR(std::chrono::duration<double>(report.certificate->not_after - now).count(), 7200, 60);
  EXPECT_FALSE(report.last_failure);
}

struct GoodCertificate {
  const char* name;
  std::function<Shown()> show;
  Expect expect = {};
};

class WorkerGoodCertificate : public testing::TestWithParam<GoodCertificate> {};

TEST_P(WorkerGoodCertificate, IsAccepted) {
  const Shown shown = GetParam().show();
  DotServer server(shown.identity, settings_for(shown));
  backends::BackendSettings settings = backend_at(server.endpoint());
  if (GetParam().expect) GetParam().expect(settings, shown.identity);
  WorkerRig rig({settings});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(rig.failures(backends::Failure::Certificate), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, WorkerGoodCertificate,
    testing::Values(
        GoodCertificate{"wildcard_for_a_whole_label",
                        [] { return leaf({.san = "DNS:*.b.example"}); }, expect_two_labels},
        GoodCertificate{
            "one_of_several_names",
            [] { return leaf({.san = "DNS:a.example, DNS:dns.example, IP:192.0.2.1"}); }},
        GoodCertificate{"name_in_capitals", [] { return leaf({.san = "DNS:DNS.Example"}); }},
        GoodCertificate{"address", [] { return leaf({.san = "IP:127.0.0.1"}); }, expect_address},
        GoodCertificate{"intermediate", [] { return by_intermediate(intermediate_leaf()); }},
        // RFC 8446 §4.4.2 asks to put up with any order behind the first, and with too many.
        GoodCertificate{"chain_in_another_order",
                        [] {
                          Leaf second_says = intermediate_leaf();
                          second_says.common_name = "second intermediate";
                          Identity first = authority().issue(intermediate_leaf());
                          Identity second = issue(&first, second_says);
                          Shown shown{issue(&second, {})};
                          shown.chain.push_back(stranger().issue({}));
                          shown.chain.push_back(std::move(first));
                          shown.chain.push_back(std::move(second));
                          return shown;
                        }},
        GoodCertificate{"for_servers",
                        [] {
                          return leaf({.key_usage = "digitalSignature",
                                       .extended_key_usage = "serverAuth,clientAuth"});
                        }},
        GoodCertificate{"rsa_2048", [] { return with_key(EVP_RSA_gen(2048)); }},
        GoodCertificate{"pinned_and_self_signed", [] { return only(issue(nullptr, {})); },
                        expect_key},
        GoodCertificate{
            "pinned_and_its_own_authority",
            [] { return only(issue(nullptr, {.san = "", .basic_constraints = kIsAuthority})); },
            expect_key},
        GoodCertificate{"pinned_and_of_an_unknown_authority",
                        [] { return only(stranger().issue({.san = ""})); }, expect_key},
        GoodCertificate{"pinned_and_of_a_known_authority", [] { return leaf({}); }, expect_key},
        GoodCertificate{"pinned_beside_its_name", [] { return leaf({}); }, expect_name_and_key},
        GoodCertificate{"pinned_beside_its_address", [] { return leaf({.san = "IP:127.0.0.1"}); },
                        [](backends::BackendSettings& settings, const Identity& identity) {
                          expect_address(settings, identity);
                          settings.pins = {pin_of(identity)};
                        }}),
    [](const auto& test) { return std::string(test.param.name); });

/// A server of TLS 1.2 that shows no certificate where one has to be. RFC 5246 §7.4.2.
void show_no_certificate(int fd) {
  std::array<char, 4096> hello;
  if (read(fd, hello.data(), hello.size()) <= 0) return;
  std::string message("\x03\x03", 2);
  message += std::string(32, 'r');            // Random.
  message += '\0';                            // No session id.
  message += std::string("\xC0\x2F\x00", 3);  // ECDHE-RSA-AES128-GCM-SHA256, no compression.
  message += std::string("\x00\x05\xFF\x01\x00\x01\x00", 7);  // renegotiation_info, RFC 5746 §3.2.
  std::string handshake("\x02\x00\x00", 3);
  handshake += static_cast<char>(message.size());
  handshake += message;
  handshake += std::string("\x0B\x00\x00\x03\x00\x00\x00", 7);  // Certificate, an empty list.
  std::string record("\x16\x03\x03\x00", 4);
  record += static_cast<char>(handshake.size());
  record += handshake;
  (void)!write(fd, record.data(), record.size());
  while (read(fd, hello.data(), hello.size()) > 0) {
  }
}

TEST(WorkerTls, EmptyChainIsRefused) {
  DotServer server(good_identity(), {.raw = show_no_certificate});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(rig.resolve("secret.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(backends::Failure::Tls), 1u);
  EXPECT_EQ(rig.backend().queries.read(), 0u);
  EXPECT_THAT(rig.notices(), Contains(HasSubstr("TLS handshake: length mismatch")));
}

}  // namespace
}  // namespace tests
