#include "dataplane/rules/routes.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/message_builder.h"

namespace tests {
namespace {

using rules::Route;
using rules::Routes;

/// Domain i belongs to pool i.
Routes routes_of(const std::vector<std::string>& domains) {
  std::vector<Route> routes;
  for (size_t i = 0; i < domains.size(); ++i) {
    routes.push_back({.domain = dns::Name(wire_name(domains[i])),
                      .to = {.pool = dns::PoolId{static_cast<uint8_t>(i)}}});
  }
  return Routes(std::move(routes));
}

std::optional<unsigned> pool_for(const Routes& routes, const std::string& name) {
  const dns::Name lowered(wire_name(name));
  const rules::Destination* to = routes.find(lowered.wire());
  if (to == nullptr) return std::nullopt;
  return static_cast<unsigned>(to->pool);
}

struct Asked {
  const char* name;
  const char* asked;
  std::optional<unsigned> pool;
};
class RoutesTest : public testing::TestWithParam<Asked> {};

TEST_P(RoutesTest, FindsTheLongestDomainThatTheNameIsIn) {
  const Routes routes = routes_of({"corp.example.", "lab.corp.example.", "10.in-addr.arpa.",
                                   "internal.", "a.b.c.d.e.f.corp.example."});
  EXPECT_EQ(pool_for(routes, GetParam().asked), GetParam().pool);
}

INSTANTIATE_TEST_SUITE_P(
    Names, RoutesTest,
    testing::Values(Asked{"the_domain_itself", "corp.example.", 0},
                    Asked{"below_it", "www.corp.example.", 0},
                    Asked{"far_below_it", "a.b.c.d.www.corp.example.", 0},
                    Asked{"in_another_case", "WWW.Corp.EXAMPLE.", 0},
                    Asked{"a_longer_domain", "lab.corp.example.", 1},
                    Asked{"below_a_longer_domain", "x.y.lab.corp.example.", 1},
                    Asked{"a_much_longer_domain", "z.a.b.c.d.e.f.corp.example.", 4},
                    Asked{"between_two_domains", "b.c.d.e.f.corp.example.", 0},
                    Asked{"reverse", "4.3.2.10.in-addr.arpa.", 2},
                    Asked{"reverse_of_a_neighbour", "4.3.2.110.in-addr.arpa.", std::nullopt},
                    Asked{"one_label", "internal.", 3},
                    Asked{"a_name_that_ends_alike", "notcorp.example.", std::nullopt},
                    Asked{"a_sibling_of_a_longer_domain", "xlab.corp.example.", 0},
                    Asked{"the_domain_above", "example.", std::nullopt},
                    Asked{"the_domain_in_front", "corp.example.com.", std::nullopt},
                    Asked{"the_root", ".", std::nullopt}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Routes, GoByLabelsAndNotByOctets) {
  const Routes routes = routes_of({"corp.example."});
  // One label that has the two in it, with a dot, and with the octet of the second one's length.
  for (const std::string label : {"corp.example", "\4corp\7example", "x\4corp\7example"}) {
    Bytes name{static_cast<std::byte>(label.size())};
    for (const char octet : label) name.push_back(static_cast<std::byte>(octet));
    name.push_back(std::byte{0});
    EXPECT_EQ(routes.find(name), nullptr) << label;
  }
}

TEST(Routes, OfNothingAreEmpty) {
  EXPECT_TRUE(Routes().empty());
  EXPECT_TRUE(routes_of({}).empty());
  EXPECT_FALSE(routes_of({"example."}).empty());
  EXPECT_EQ(pool_for(Routes(), "example."), std::nullopt);
}

TEST(Routes, TakeTheLongestAndDeepestNamesThereAre) {
  std::string deepest, longest;
  for (int i = 0; i < 127; ++i) deepest += "x.";  // 255 octets with the root.
  for (int i = 0; i < 3; ++i) longest += std::string(63, 'y') + ".";
  longest += std::string(61, 'y') + ".";
  const Routes routes = routes_of({deepest, longest, "x."});
  EXPECT_EQ(pool_for(routes, deepest), 0u);
  EXPECT_EQ(pool_for(routes, deepest.substr(2)), 2u);
  EXPECT_EQ(pool_for(routes, longest), 1u);
}

TEST(Routes, GoWithACopy) {
  Routes copy;
  {
    const Routes routes = routes_of({"corp.example."});
    copy = routes;
  }
  EXPECT_EQ(pool_for(copy, "www.corp.example."), 0u);
}

/// The hit path has names that nobody has checked.
TEST(Routes, ReadNothingBehindTheEndOfWhatIsNoName) {
  const Routes routes = routes_of({"corp.example.", "x."});
  EXPECT_TRUE(rc::check([&] {
    const auto size = *rc::gen::inRange<size_t>(0, 256);
    const auto octets =
        *rc::gen::container<std::vector<uint8_t>>(size, rc::gen::inRange<uint8_t>(0, 255));
    // A heap block of exactly that size, so that a sanitizer sees what is read behind it.
    Bytes name(octets.size());
    std::ranges::transform(octets, name.begin(), [](uint8_t octet) { return std::byte{octet}; });
    (void)routes.find(name);
  }));
  for (const Bytes& name : {Bytes{}, Bytes{std::byte{1}}, Bytes{std::byte{1}, std::byte{'x'}},
                            Bytes(255, std::byte{1}), Bytes(255, std::byte{0xFF})}) {
    EXPECT_EQ(routes.find(name), nullptr);
  }
}

/// Against the plain definition, over names made of few labels, so that many are in some domain.
TEST(Routes, AgreeWithTheirDefinition) {
  const auto label = rc::gen::element<std::string>("a", "b", "ab", "corp");
  const auto name = rc::gen::map(
      rc::gen::resize(5, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(label))),
      [](const std::vector<std::string>& labels) {
        std::string text;
        for (const std::string& one : labels) text += one + ".";
        return text;
      });
  EXPECT_TRUE(rc::check([&] {
    auto domains = *rc::gen::unique<std::vector<std::string>>(name);
    const Routes routes = routes_of(domains);
    const std::string asked = *name;
    std::optional<unsigned> expected;
    size_t longest = 0;
    for (unsigned i = 0; i < domains.size(); ++i) {
      const bool in = asked == domains[i] || asked.ends_with("." + domains[i]);
      if (!in || domains[i].size() <= longest) continue;
      longest = domains[i].size();
      expected = i;
    }
    RC_ASSERT(pool_for(routes, asked) == expected);
  }));
}

}  // namespace
}  // namespace tests
