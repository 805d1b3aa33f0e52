#include "tls-workers/backends/pins.h"

#include <gtest/gtest.h>

#include "tests/tls-workers/certificates.h"

namespace tests {
namespace {

const std::string kZeros = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const std::string kOnes = "sha256/" + std::string(42, '/') + "8=";

TEST(ParsePin, ReadsWhatPinTextWrites) {
  backends::Pin ones;
  ones.fill(0xFF);
  EXPECT_EQ(backends::parse_pin(kZeros), backends::Pin{});
  EXPECT_EQ(backends::parse_pin(kOnes), ones);
  EXPECT_EQ(backends::pin_text(backends::Pin{}), kZeros);
  EXPECT_EQ(backends::pin_text(ones), kOnes);
}

struct BadPin {
  const char* name;
  std::string text;
};

class ParsePinFails : public testing::TestWithParam<BadPin> {};

TEST_P(ParsePinFails, OnWhatIsNoPin) {
  EXPECT_EQ(backends::parse_pin(GetParam().text), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, ParsePinFails,
    testing::Values(BadPin{"nothing", ""}, BadPin{"only_the_prefix", "sha256/"},
                    BadPin{"no_prefix", kZeros.substr(7)},
                    BadPin{"another_digest", "sha512/" + kZeros.substr(7)},
                    BadPin{"capitals", "SHA256/" + kZeros.substr(7)},
                    BadPin{"form_of_http", "pin-sha256=\"" + kZeros.substr(7) + "\""},
                    BadPin{"one_octet_short", "sha256/" + std::string(42, 'A') + "=="},
                    BadPin{"one_octet_long", "sha256/" + std::string(44, 'A')},
                    BadPin{"no_padding", "sha256/" + std::string(43, 'A')},
                    BadPin{"stray_bits", "sha256/" + std::string(42, 'A') + "B="},
                    BadPin{"url_alphabet", "sha256/" + std::string(42, '_') + "8="},
                    BadPin{"blank_inside",
                           "sha256/" + std::string(21, 'A') + " " + std::string(21, 'A') + "="},
                    BadPin{"blank_before", " " + kZeros}, BadPin{"blank_after", kZeros + " "},
                    BadPin{"hexadecimal", "sha256/" + std::string(64, '0')}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PinOf, IsThatOfTheKeyAndNotOfTheCertificate) {
  const Authority authority;
  const Identity first = authority.issue({});
  const Identity renewed = authority.issue({.common_name = "renewed", .key = first.key.get()});
  const Identity other = authority.issue({});
  const backends::Pin pin = *backends::pin_of(first.certificate.get());
  EXPECT_EQ(backends::pin_of(renewed.certificate.get()), pin);
  EXPECT_NE(backends::pin_of(other.certificate.get()), pin);
}

TEST(PinOf, IsTheDigestOfTheWholeSubjectPublicKeyInfo) {
  // Independent of the code: OpenSSL's own writing of the key, digested here.
  const Authority authority;
  const Identity identity = authority.issue({});
  unsigned char* encoded = nullptr;
  const int size = i2d_PUBKEY(identity.key.get(), &encoded);
  ASSERT_GT(size, 0);
  backends::Pin expected;
  ASSERT_EQ(EVP_Digest(encoded, static_cast<size_t>(size), expected.data(), nullptr, EVP_sha256(),
                       nullptr),
            1);
  OPENSSL_free(encoded);
  EXPECT_EQ(backends::pin_of(identity.certificate.get()), expected);
}

TEST(IsPinned, ByAnyOfThePins) {
  const Authority authority;
  const Identity identity = authority.issue({});
  const backends::Pin pin = *backends::pin_of(identity.certificate.get());
  EXPECT_TRUE(backends::is_pinned(identity.certificate.get(), std::vector<backends::Pin>{{}, pin}));
  EXPECT_FALSE(backends::is_pinned(identity.certificate.get(), std::vector<backends::Pin>{{}}));
  EXPECT_FALSE(backends::is_pinned(identity.certificate.get(), {}));
}

}  // namespace
}  // namespace tests
