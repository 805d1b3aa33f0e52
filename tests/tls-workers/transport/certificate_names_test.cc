#include "tls-workers/transport/certificate_names.h"

#include <gtest/gtest.h>

#include "tests/tls-workers/certificates.h"

namespace tests {
namespace {

std::string names_of(const std::string& san) {
  static const Authority authority;
  return transport::certificate_names(authority.issue({.san = san}).certificate.get());
}

TEST(CertificateNames, ListsNamesAndAddresses) {
  EXPECT_EQ(names_of("DNS:a.example"), "'a.example'");
  EXPECT_EQ(names_of("DNS:a.example, IP:192.0.2.1, IP:2001:db8::1"),
            "'a.example', '192.0.2.1', '2001:db8::1'");
}

TEST(CertificateNames, ShowsOnlyTheFirstFew) {
  EXPECT_EQ(names_of("DNS:a, DNS:b, DNS:c, DNS:d, DNS:e"), "'a', 'b', 'c' and 2 more");
}

TEST(CertificateNames, CountsNothingElse) {
  EXPECT_EQ(names_of("email:a@example"), "no name at all");
  EXPECT_EQ(names_of(""), "no name at all");
  EXPECT_EQ(transport::certificate_names(nullptr), "no name at all");
}

TEST(CertificateNames, ReplacesWhatCouldDisturbALog) {
  EXPECT_EQ(names_of("DNS:a'b c\x1b[1m"), "'a?b?c?[1m'");
  EXPECT_EQ(names_of("DNS:" + std::string(200, 'x')), "'" + std::string(80, 'x') + "'");
}

}  // namespace
}  // namespace tests
