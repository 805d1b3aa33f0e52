// Addresses that speak TLS or HTTPS: what may be said about them, and what is wrong with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/control/config/config_rig.h"
#include "tests/temporary_folder.h"
#include "tests/tls-workers/certificates.h"

namespace control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A good certificate and its key, and files that are neither.
class Files {
 public:
  Files() {
    const tests::Authority authority;
    const tests::Identity own = authority.issue({});
    const tests::Identity other = authority.issue({});
    const tests::Identity expired = authority.issue({.not_before = -7200, .not_after = -3600});
    write("chain", tests::pem_of(own.certificate.get()));
    write("key", tests::pem_of(own.key.get()));
    write("other_key", tests::pem_of(other.key.get()));
    write("expired", tests::pem_of(expired.certificate.get()));
    write("expired_key", tests::pem_of(expired.key.get()));
    write("text", "hello");
  }
  ~Files() { std::filesystem::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

 private:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  const std::filesystem::path folder_ = tests::make_temporary_folder("dotline-binds");
};

class EncryptedBinds : public testing::Test {
 protected:
  [[nodiscard]] std::string pair(const std::string& certificate = "chain",
                                 const std::string& key = "key") const {
    return "{certificate: '" + files_.path(certificate) + "', key: '" + files_.path(key) + "'}";
  }
  [[nodiscard]] std::string tls() const { return "tls: {certificates: [" + pair() + "]}"; }
  /// A configuration with one bind, whose settings are on line 2.
  [[nodiscard]] static std::string with_bind(const std::string& settings) {
    return std::string(kPorts) + "binds: [{" + settings + "}]\n" + kBackends;
  }
  [[nodiscard]] static Bind bind_of(const std::string& settings) {
    const Config config = config_of(with_bind(settings));
    return config.binds.empty() ? Bind{} : config.binds.front();
  }
  static void expect_error(const std::string& settings, const std::string& text) {
    const std::vector<ConfigError> errors = errors_of(with_bind(settings));
    ASSERT_EQ(errors.size(), 1u) << settings << '\n' << all_messages(errors);
    EXPECT_EQ(errors[0].line, 2u) << errors[0].text;
    EXPECT_THAT(errors[0].text, HasSubstr(text));
  }

  const Files files_;
};

TEST_F(EncryptedBinds, HavePortsOfTheirOwn) {
  const Bind dot = bind_of("address: 192.0.2.53, protocol: DoT, " + tls());
  EXPECT_EQ(dot.address.text(), "192.0.2.53:853");
  EXPECT_EQ(dot.protocol, Protocol::DoT);
  const Bind doh = bind_of("address: 192.0.2.53, protocol: DoH, " + tls());
  EXPECT_EQ(doh.address.text(), "192.0.2.53:443");
  EXPECT_EQ(doh.protocol, Protocol::DoH);
  ASSERT_TRUE(doh.tls.has_value());
  EXPECT_EQ(doh.tls->certificates.size(), 1u);
}

TEST_F(EncryptedBinds, AreNotAnsweredOverUdp) {
  const Config config = config_of(std::string(kPorts) +
                                  "binds: [{address: 192.0.2.53}, {address: 192.0.2.53, "
                                  "protocol: DoH, " +
                                  tls() + "}]\n" + kBackends);
  EXPECT_EQ(config.binds.size(), 2u);
  ASSERT_EQ(config.eal.binds.size(), 1u);
  EXPECT_EQ(config.eal.binds[0].text(), "192.0.2.53:53");
}

TEST_F(EncryptedBinds, HaveTheUsualPathOrThoseGiven) {
  const std::string doh = "address: 192.0.2.53, protocol: DoH, " + tls();
  EXPECT_THAT(bind_of(doh).paths, ElementsAre("/dns-query"));
  EXPECT_THAT(bind_of(doh + ", doh: {}").paths, ElementsAre("/dns-query"));
  EXPECT_THAT(bind_of(doh + ", doh: {paths: [/, /q/b]}").paths, ElementsAre("/", "/q/b"));
}

TEST_F(EncryptedBinds, RefuseWrongPaths) {
  const std::string doh = "address: 192.0.2.53, protocol: DoH, " + tls() + ", ";
  expect_error(doh + "doh: {paths: []}", "`paths` is empty, expected at least a path");
  expect_error(doh + "doh: {paths: [dns-query]}",
               "`paths`: `dns-query` is not a path, expected a path such as /dns-query");
  expect_error(doh + "doh: {paths: ['/q{?dns}']}", "is a URL or a template for one");
  expect_error(doh + "doh: {paths: ['https://dns.example/q']}", "is a URL or a template for one");
  expect_error(doh + "doh: {paths: ['/q?a=b']}", "has a `?` in it");
  expect_error(doh + "doh: {paths: [/a, /b, /a]}", "is given twice");
  expect_error(doh + "doh: {path: /a}", "`path`: unknown setting in `binds.doh`");
  expect_error(doh + "doh: {trust_forwarded_for_header: true}", "unknown setting in `binds.doh`");
}

TEST_F(EncryptedBinds, HaveNothingOfAnotherProtocol) {
  expect_error("address: 192.0.2.53, doh: {paths: [/]}",
               "`doh` is given, expected `protocol: DoH` beside it");
  expect_error("address: 192.0.2.53, protocol: DoT, " + tls() + ", doh: {paths: [/]}",
               "`doh` is given, expected `protocol: DoH` beside it");
  expect_error("address: 192.0.2.53, protocol: DoQ", "expected one of `Do53` `DoT` `DoH`");
  expect_error("address: 192.0.2.53, " + tls(), "`tls`");
}

TEST_F(EncryptedBinds, NeedACertificateThatIsGood) {
  const auto with = [&](const std::string& certificates) {
    return "address: 192.0.2.53, protocol: DoH, tls: {certificates: [" + certificates + "]}";
  };
  expect_error("address: 192.0.2.53, protocol: DoH", "expected `tls` with `certificates`");
  expect_error(with("{certificate: a}"), "`key` is missing");
}

TEST_F(EncryptedBinds, AreOffWithoutOne) {
  const auto with = [&](const std::string& certificates) {
    return "address: 192.0.2.53, protocol: DoH, tls: {certificates: [" + certificates + "]}";
  };
  const auto expect_off = [&](const std::string& certificates, const std::string& why) {
    const Config config = config_of(with_bind(with(certificates)));
    ASSERT_EQ(config.off.size(), 1u) << certificates;
    EXPECT_THAT(config.off[0], AllOf(testing::StartsWith("test.yaml:2:"), HasSubstr(why),
                                     testing::EndsWith("; the bind is off")));
    EXPECT_FALSE(config.binds.at(0).is_on());
    EXPECT_THAT(config.binds[0].faults, ElementsAre(HasSubstr(why)));
  };
  expect_off(pair("absent"), "cannot be opened");
  expect_off(pair("chain", "absent"), "cannot be opened");
  expect_off(pair("text"), "no certificate in it");
  expect_off(pair("chain", "text"), "no private key in it");
  expect_off(pair("chain", "other_key"), "does not belong");
  expect_off(pair("expired", "expired_key"), "has expired");
}

TEST_F(EncryptedBinds, AreOnWithOneOfTwo) {
  for (const auto& [other, why] : {std::pair{pair("expired", "expired_key"), "has expired"},
                                   std::pair{pair(), "is the second with a key of kind"}}) {
    const Config config =
        config_of(with_bind("address: 192.0.2.53, protocol: DoH, tls: {certificates: [" + pair() +
                            ", " + other + "]}"));
    ASSERT_EQ(config.off.size(), 1u);
    EXPECT_THAT(config.off[0], AllOf(HasSubstr(why), testing::EndsWith("; the others are shown")));
    EXPECT_TRUE(config.binds.at(0).is_on());
  }
}

TEST_F(EncryptedBinds, AreNamedBesideErrorsOfTheFile) {
  const std::vector<ConfigError> errors =
      errors_of(with_bind("address: 192.0.2.53, protocol: DoH, tls: {certificates: [" +
                          pair("absent") + "]}, colour: red"));
  ASSERT_EQ(errors.size(), 2u) << all_messages(errors);
}

}  // namespace
}  // namespace control
