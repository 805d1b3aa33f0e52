// Files that are not there or no good, and what is off because of them; then they are good.
#include "control/config/named_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/control/config/config_rig.h"
#include "tests/temporary_folder.h"
#include "tests/tls-workers/certificates.h"

namespace control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::chrono::hours kHour{1};

class NamedFiles : public testing::Test {
 protected:
  ~NamedFiles() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  /// A pair "NAME.pem", "NAME.key", valid from then to then, in seconds from now.
  void issue(const std::string& name, long not_before, long not_after) const {
    const tests::Identity own =
        authority_.issue({.not_before = not_before, .not_after = not_after});
    write(name + ".pem", tests::pem_of(own.certificate.get()));
    write(name + ".key", tests::pem_of(own.key.get()));
  }
  [[nodiscard]] std::string with_bind(const std::string& name) const {
    return std::string(kPorts) +
           "binds: [{address: 192.0.2.53, protocol: DoT, tls: {certificates: [{certificate: '" +
           path(name + ".pem") + "', key: '" + path(name + ".key") + "'}]}}]\n" +
           "backends: [{name: one, address: 192.0.2.1, tls: {pins: "
           "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}}]\n";
  }

  const std::filesystem::path folder_ = tests::make_temporary_folder("dotline-files");
  const tests::Authority authority_;
  const Date now_ = std::chrono::system_clock::now();
};

TEST_F(NamedFiles, ACertificateIsOnOnceTheClockIsRight) {
  issue("later", 7200, 7200 + 86400);
  Config config = config_of(with_bind("later"));
  EXPECT_FALSE(config.binds.at(0).is_on());
  EXPECT_THAT(parts_off(config),
              ElementsAre(testing::AllOf(StartsWith("DoT at 192.0.2.53:853 is off: the certificate "
                                                    "in " +
                                                    path("later.pem")),
                                         HasSubstr("is not valid before"))));
  EXPECT_FALSE(look_again(config, now_ + kHour));
  EXPECT_FALSE(config.binds[0].is_on());
  EXPECT_TRUE(look_again(config, now_ + 3 * kHour));
  EXPECT_TRUE(config.binds[0].is_on());
  EXPECT_THAT(parts_off(config), IsEmpty());
  EXPECT_FALSE(look_again(config, now_ + 3 * kHour)) << "nothing is left to look at";
}

TEST_F(NamedFiles, ACertificateIsOnOnceItsFilesFit) {
  issue("own", -60, 86400);
  std::filesystem::rename(path("own.key"), path("elsewhere"));
  Config config = config_of(with_bind("own"));
  EXPECT_THAT(parts_off(config), ElementsAre(HasSubstr("the key in " + path("own.key") +
                                                       " cannot be opened: No such file")));
  EXPECT_FALSE(look_again(config, now_));
  std::filesystem::rename(path("elsewhere"), path("own.key"));
  EXPECT_TRUE(look_again(config, now_));
  EXPECT_TRUE(config.binds.at(0).is_on());
}

TEST_F(NamedFiles, ABrokenRenewalGoesOnWithTheCertificateOfBefore) {
  issue("own", -60, 86400);
  const Config former = config_of(with_bind("own"));
  issue("own", -7200, -3600);
  Config next = config_of(with_bind("own"));
  EXPECT_FALSE(next.binds.at(0).is_on());
  keep_former_files(former, next);
  EXPECT_TRUE(next.binds[0].is_on());
  EXPECT_EQ(next.binds[0].tls, former.binds[0].tls);
  EXPECT_THAT(parts_off(next),
              ElementsAre(StartsWith("DoT at 192.0.2.53:853 does not show all that it should: ")));
  EXPECT_FALSE(look_again(next, now_)) << "it goes on as it was";
  EXPECT_TRUE(next.binds[0].is_on());
  issue("own", -60, 86400);
  EXPECT_TRUE(look_again(next, now_));
  EXPECT_THAT(next.binds[0].tls->certificates, SizeIs(1));
  EXPECT_NE(next.binds[0].tls, former.binds[0].tls);
  EXPECT_THAT(parts_off(next), IsEmpty());
}

TEST_F(NamedFiles, ABackendWithoutAuthoritiesIsThereAndTrustsNobody) {
  const std::string yaml = std::string(kPorts) + kBinds +
                           "backends: [{name: one, address: 192.0.2.1, tls: {subject_name: "
                           "a.example, ca_store: '" +
                           path("ca.pem") +
                           "'}}, {address: 192.0.2.2, tls: {pins: "
                           "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}}]\n";
  Config config = config_of(yaml);
  EXPECT_THAT(config.off, ElementsAre(testing::AllOf(
                              StartsWith("test.yaml:3:"), HasSubstr("`ca_store`"),
                              HasSubstr("cannot be opened: No such file or directory; the backend "
                                        "cannot be authenticated and is not asked"))));
  EXPECT_THAT(parts_off(config), ElementsAre(StartsWith("backend one cannot be authenticated")));
  EXPECT_THAT(config.backends, SizeIs(2));
  write("ca.pem", "no certificate");
  EXPECT_FALSE(look_again(config, now_));
  std::filesystem::copy_file(authority_.file(), path("ca.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(look_again(config, now_));
  EXPECT_THAT(parts_off(config), IsEmpty());
}

TEST_F(NamedFiles, ABackendWithoutAuthoritiesThatIsTheOnlyOneIsAnError) {
  const auto errors = errors_of(std::string(kPorts) + kBinds +
                                "backends: [{address: 192.0.2.1, tls: {subject_name: a.example, "
                                "ca_store: /nonexistent/ca.pem}}]\n");
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_THAT(errors[0].text, HasSubstr("`/nonexistent/ca.pem` cannot be opened"));
}

TEST_F(NamedFiles, SecretsOfCookiesStayThoseOfBeforeUntilTheFileIsGood) {
  const std::string yaml = minimal("cookies: {secret_file: '" + path("secrets") + "'}\n");
  write("secrets", std::string(32, 'a'));
  const Config former = config_of(yaml);
  write("secrets", "not a secret");
  Config next = config_of(yaml);
  EXPECT_THAT(next.cookies.secrets, IsEmpty());
  keep_former_files(former, next);
  EXPECT_EQ(next.cookies.secrets, former.cookies.secrets);
  EXPECT_THAT(parts_off(next), ElementsAre(StartsWith("cookies are made with other secrets")));
  EXPECT_FALSE(look_again(next, now_));
  write("secrets", std::string(32, 'b'));
  EXPECT_TRUE(look_again(next, now_));
  EXPECT_NE(next.cookies.secrets, former.cookies.secrets);
  EXPECT_THAT(parts_off(next), IsEmpty());
}

TEST_F(NamedFiles, AFileForKeysThatCannotBeWrittenGetsNone) {
  for (const auto& [file, why] : {std::pair{"/nonexistent/keys", "is in no folder that exists"},
                                  std::pair{"/dev/null", "is not a regular file"}}) {
    const Config config = config_of(std::string(kPorts) + kBinds +
                                    "backends: [{name: one, address: 192.0.2.1, tls: {pins: "
                                    "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=], "
                                    "key_log_file: " +
                                    file + "}}]\n");
    EXPECT_THAT(config.off, ElementsAre(HasSubstr(why)));
    EXPECT_EQ(config.backends.at(0).tls.key_log_file, "");
    EXPECT_THAT(parts_off(config), ElementsAre(HasSubstr(why)));
  }
}

}  // namespace
}  // namespace control
