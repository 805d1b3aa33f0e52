#include "tls-workers/transport/tls_offer.h"

#include <gmock/gmock.h>

namespace tests {
namespace {

using testing::HasSubstr;

TEST(Ciphers, AreTakenAsOpenSslWritesThem) {
  for (const char* list :
       {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE+AESGCM:ECDHE+CHACHA20", "HIGH:!aNULL:!MD5",
        "ECDHE+AESGCM,DHE+AESGCM", "DEFAULT", "ECDHE-ECDSA-AES256-GCM-SHA384:-AES128:+HIGH"}) {
    EXPECT_EQ(transport::fault_of_ciphers(list), std::nullopt) << list;
  }
}

struct BadText {
  const char* name;
  const char* text;
  const char* fault;
};

class BadCiphers : public testing::TestWithParam<BadText> {};

TEST_P(BadCiphers, AreNamed) {
  const auto fault = transport::fault_of_ciphers(GetParam().text);
  ASSERT_TRUE(fault);
  EXPECT_THAT(*fault, HasSubstr(GetParam().fault));
}

INSTANTIATE_TEST_SUITE_P(
    Lists, BadCiphers,
    testing::Values(BadText{"unknown_one_among_good_ones", "ECDHE+AESGCM:ECDHE-NONSENSE:HIGH",
                            "has `ECDHE-NONSENSE`, which OpenSSL does not know"},
                    BadText{"of_tls_13", "TLS_AES_128_GCM_SHA256", "`TLS_AES_128_GCM_SHA256`"},
                    BadText{"nothing", "", "no cipher that is strong enough"},
                    BadText{"security_level", "ALL:@SECLEVEL=0", "security level stays"},
                    BadText{"without_encryption", "eNULL", "no cipher that is strong enough"},
                    BadText{"without_authentication", "aNULL", "no cipher that is strong enough"},
                    BadText{"without_certificates", "PSK-AES128-GCM-SHA256",
                            "no cipher that is strong enough"},
                    BadText{"all_taken_away", "ALL:!ALL", "no cipher that is strong enough"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(CiphersOfTls13, AreTakenOrNamed) {
  EXPECT_EQ(transport::fault_of_ciphers_tls_13("TLS_AES_128_GCM_SHA256"), std::nullopt);
  EXPECT_EQ(
      transport::fault_of_ciphers_tls_13("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"),
      std::nullopt);
  EXPECT_THAT(*transport::fault_of_ciphers_tls_13("TLS_AES_128_GCM_SHA256:TLS_NONE"),
              HasSubstr("`TLS_NONE`"));
  EXPECT_THAT(*transport::fault_of_ciphers_tls_13("ECDHE-RSA-AES128-GCM-SHA256"),
              HasSubstr("expected names such as TLS_AES_128_GCM_SHA256"));
  EXPECT_TRUE(transport::fault_of_ciphers_tls_13(""));
}

TEST(Curves, AreTakenOrNamed) {
  EXPECT_EQ(transport::fault_of_ecdhe_curves("X25519"), std::nullopt);
  EXPECT_EQ(transport::fault_of_ecdhe_curves("P-256:X25519:ffdhe2048"), std::nullopt);
  EXPECT_THAT(*transport::fault_of_ecdhe_curves("X25519:P-25"), HasSubstr("`P-25`"));
  EXPECT_THAT(*transport::fault_of_ecdhe_curves("X25519:X25519"), HasSubstr("each once"));
  EXPECT_TRUE(transport::fault_of_ecdhe_curves(""));
}

}  // namespace
}  // namespace tests
