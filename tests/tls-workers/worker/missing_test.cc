// Names below one that is missing: asked for as ever, unless the operator takes the one for all.
// RFC 8020.
#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using base::seconds;

constexpr const char* kMissing = "gone.example.";
constexpr seconds kStillFor{-30};  // It expired so long ago.

void cut(WorkerRig& rig) {
  questions::Configuration configuration = rig.configuration();
  configuration.pools[0].nxdomain_cut = true;
  rig.adopt(configuration);
}

dns::Rcode rcode_of(const exchange::Fill& fill) {
  return fill.entry != nullptr ? fill.entry->content(base::Clock::now()).rcode : fill.rcode;
}

TEST(WorkerMissing, NamesBelowAreMissingToo) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  cut(rig);
  rig.leave(kMissing, kStillFor, dns::Rcode::NxDomain);
  for (const char* name : {"www.gone.example.", "a.b.c.d.e.f.g.gone.example."}) {
    SCOPED_TRACE(name);
    const exchange::Fill fill = rig.resolve(name);
    EXPECT_EQ(fill.entry, nullptr) << "there is nothing to tell but the rcode";
    EXPECT_EQ(fill.rcode, dns::Rcode::NxDomain);
    EXPECT_EQ(fill.ede, dns::Ede::None);
    EXPECT_EQ(rig.cached(name), nullptr) << "what is known is kept once";
  }
  EXPECT_TRUE(server.seen().empty());
  EXPECT_EQ(rig.worker().counters().below_missing.read(), 2u);
}

/// What a resolver says of kMissing, and whether that holds below it.
struct Denial {
  const char* name;
  std::function<MessageBuilder()> answer;
  bool holds_below;
};

class WorkerMissingBy : public testing::TestWithParam<Denial> {};

TEST_P(WorkerMissingBy, OnlyTheZonesOwnWordHoldsBelow) {
  const Denial& row = GetParam();
  DotServer server(good_identity(), {.script = [&row](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       const auto asked = dns::question_in(*query, {}, {});
                       const bool missing = asked && *asked == question_for(kMissing);
                       const uint16_t id = base::load_be16(query->data());
                       connection.send(missing ? row.answer().id(id).build() : answer_to(*query));
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  cut(rig);
  const exchange::Fill missing = rig.resolve(kMissing);
  ASSERT_NE(missing.entry, nullptr);
  EXPECT_EQ(missing.entry->content(base::Clock::now()).rcode, dns::Rcode::NxDomain);
  const exchange::Fill below = rig.resolve("www.gone.example.");
  EXPECT_EQ(rcode_of(below), row.holds_below ? dns::Rcode::NxDomain : dns::Rcode::NoError);
  EXPECT_EQ(server.seen().size(), row.holds_below ? 1u : 2u);
}

MessageBuilder denial() { return an_answer(kMissing, dns::Type::A, dns::Rcode::NxDomain); }
const Record kSoa = soa_record(wire_name("example."), 60, 60);

INSTANTIATE_TEST_SUITE_P(
    Denials, WorkerMissingBy,
    testing::Values(Denial{"with_its_soa", [] { return denial().authority(kSoa); }, true},
                    // RFC 8020 §2: what is denied is the name at the end of the aliases.
                    Denial{"behind_an_alias",
                           [] {
                             return denial()
                                 .answer(cname_record(pointer_to_question(), 60,
                                                      wire_name("x.example.")))
                                 .authority(kSoa);
                           },
                           false},
                    // RFC 8914 §4.16: a filter's word, though it borrows the zone's SOA.
                    Denial{"blocked",
                           [] {
                             return denial().authority(kSoa).opt(
                                 {.options = {{.code = 15, .value = bytes_of({0, 15})}}});
                           },
                           false},
                    Denial{"without_an_soa", denial, false}),
    [](const auto& test) { return std::string(test.param.name); });

struct AskedAll {
  const char* name;
  const char* above;
  base::Duration ago;
  dns::Rcode rcode;
  dns::Wants wants;
  bool cut;
};

class WorkerMissingNot : public testing::TestWithParam<AskedAll> {};

TEST_P(WorkerMissingNot, TheResolverIsAsked) {
  const AskedAll& row = GetParam();
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  if (row.cut) cut(rig);
  const auto asking = [&](const char* name) {
    const dns::Question plain = question_for(name);
    return dns::make_question(plain.name.wire(), plain.type, plain.klass, row.wants, plain.pool);
  };
  rig.leave(asking(row.above), row.ago, row.rcode);
  rig.ask(asking("a.b.c.d.e.f.g.h.gone.example."));
  EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  EXPECT_EQ(server.seen().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WorkerMissingNot,
    testing::Values(AskedAll{"switched_off", "h.gone.example.", kStillFor, dns::Rcode::NxDomain,
                             dns::Wants::Plain, false},
                    AskedAll{"no_data_is_not_missing", "h.gone.example.", kStillFor,
                             dns::Rcode::NoError, dns::Wants::Plain, true},
                    AskedAll{"expired", "h.gone.example.", seconds(1), dns::Rcode::NxDomain,
                             dns::Wants::Plain, true},
                    AskedAll{"wants_proof", "h.gone.example.", kStillFor, dns::Rcode::NxDomain,
                             dns::Wants::DnssecOk, true},
                    AskedAll{"judges_for_itself", "h.gone.example.", kStillFor,
                             dns::Rcode::NxDomain, dns::Wants::CheckingDisabled, true},
                    AskedAll{"beside_it", "x.gone.example.", kStillFor, dns::Rcode::NxDomain,
                             dns::Wants::Plain, true},
                    AskedAll{"too_deep", "example.", kStillFor, dns::Rcode::NxDomain,
                             dns::Wants::Plain, true}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tests
