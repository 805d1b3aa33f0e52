#include "tls-workers/server_tls/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "tests/tls-workers/certificates.h"

namespace tests {
namespace {

using Clock = std::chrono::system_clock;
using Part = server_tls::Certificate::Part;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::string pem_with_pass_phrase(EVP_PKEY* key) {
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), key, EVP_aes_256_cbc(), nullptr, 0, nullptr,
                                     const_cast<char*>("secret")),
            1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

class CertificateTest : public testing::Test {
 protected:
  Authority authority_;
  Identity identity_ = authority_.issue({});
  std::string chain_ = pem_of(identity_.certificate.get());
  std::string key_ = pem_of(identity_.key.get());
};

TEST_F(CertificateTest, HasTheWholeChainAndTheKey) {
  const auto parsed =
      server_tls::Certificate::parse(chain_ + pem_of(authority_.certificate()), key_, Clock::now());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->chain().size(), 2u);
  EXPECT_EQ(X509_cmp(parsed->own(), identity_.certificate.get()), 0);
  EXPECT_EQ(parsed->kind_of_key(), EVP_PKEY_get0_type_name(identity_.key.get()));
  EXPECT_GT(parsed->not_after(), Clock::now());
}

TEST_F(CertificateTest, IsTheSameOnlyWithTheSameChainAndKey) {
  const auto now = Clock::now();
  const auto one = server_tls::Certificate::parse(chain_, key_, now);
  EXPECT_EQ(*one, *server_tls::Certificate::parse(chain_, key_, now));
  EXPECT_FALSE(*one == *server_tls::Certificate::parse(chain_ + pem_of(authority_.certificate()),
                                                       key_, now));
  const Identity renewed = authority_.issue({.key = identity_.key.get()});
  EXPECT_FALSE(*one ==
               *server_tls::Certificate::parse(pem_of(renewed.certificate.get()), key_, now));
}

TEST_F(CertificateTest, RefusesWhatIsWrongAndSaysWhere) {
  const Identity other = authority_.issue({});
  const Identity weak = authority_.issue({.digest = EVP_sha1()});
  const Identity expired = authority_.issue({.not_before = -7200, .not_after = -3600});
  const Identity early = authority_.issue({.not_before = 3600, .not_after = 7200});
  const std::string broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const struct {
    const char* name;
    std::string chain;
    std::string key;
    Part part;
    const char* says;
  } cases[] = {
      {"nothing", "", key_, Part::Certificate, "no certificate in it"},
      {"text", "certificate", key_, Part::Certificate, "no certificate in it"},
      {"a_key", key_, key_, Part::Certificate, "no certificate in it"},
      {"broken", broken, key_, Part::Certificate, "certificate 1 in it is broken"},
      {"broken_second", chain_ + broken, key_, Part::Certificate, "certificate 2 in it is broken"},
      {"no_key", chain_, "", Part::Key, "no private key in it"},
      {"certificate_as_key", chain_, chain_, Part::Key, "no private key in it"},
      {"pass_phrase", chain_, pem_with_pass_phrase(identity_.key.get()), Part::Key, "pass phrase"},
      {"of_another", chain_, pem_of(other.key.get()), Part::Key, "does not belong"},
      {"expired", pem_of(expired.certificate.get()), pem_of(expired.key.get()), Part::Certificate,
       "has expired"},
      {"early", pem_of(early.certificate.get()), pem_of(early.key.get()), Part::Certificate,
       "not valid before"},
      {"weak", pem_of(weak.certificate.get()), pem_of(weak.key.get()), Part::Certificate,
       "cannot be used"},
  };
  for (const auto& wrong : cases) {
    const auto parsed = server_tls::Certificate::parse(wrong.chain, wrong.key, Clock::now());
    ASSERT_FALSE(parsed) << wrong.name;
    EXPECT_EQ(parsed.error().part, wrong.part) << wrong.name;
    EXPECT_NE(parsed.error().text.find(wrong.says), std::string::npos) << parsed.error().text;
  }
}

}  // namespace
}  // namespace tests
