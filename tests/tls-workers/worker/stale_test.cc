// What a worker tells when it can find nothing out: the answer whose time is over, if there is one
// and it may be told. RFC 8767.
#include <atomic>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using base::seconds;
using std::chrono::hours;

constexpr const char* kName = "www.example.";
constexpr const char* kStaleAddress = "192.0.2.99";

std::optional<dns::Content> content_of(const exchange::Fill& fill) {
  if (fill.entry == nullptr) return std::nullopt;
  return fill.entry->content(base::Clock::now());
}

/// Answers with `rcode`, saying `code` beside it if it is not None.
Script failing(dns::Rcode rcode, dns::Ede code = dns::Ede::None) {
  return [=](Connection& connection) {
    while (const auto query = connection.read_query()) {
      const auto low = static_cast<int>(code) & 0xFF;
      MessageBuilder answer;
      answer.id(id_of(*query))
          .flags(static_cast<uint16_t>(0x8180 | static_cast<uint16_t>(rcode)))
          .question(name_in(*query), dns::Type::A);
      if (code != dns::Ede::None)
        answer.opt({.options = {{.code = 15, .value = bytes_of({0, low})}}});
      connection.send(answer.build());
    }
  };
}

TEST(WorkerStale, FailureIsNotToldWhileAnOldAnswerMayBe) {
  for (const dns::Rcode rcode : {dns::Rcode::ServFail, dns::Rcode::Refused, dns::Rcode::NotImp,
                                 dns::Rcode::FormErr, dns::Rcode{9}}) {
    SCOPED_TRACE(static_cast<int>(rcode));
    DotServer server(good_identity(), {.script = failing(rcode)});
    WorkerRig rig({backend_at(server.endpoint())});
    rig.leave(kName, seconds(10));
    const exchange::Fill fill = rig.resolve(kName);
    ASSERT_EQ(address_in(fill), kStaleAddress);
    EXPECT_TRUE(fill.entry->stale());
    EXPECT_EQ(content_of(fill)->ede, dns::Ede::StaleAnswer);
    EXPECT_EQ(base::load_be32(&content_of(fill)->records[6]), 30u);
    // SERVFAIL may pass.
    EXPECT_EQ(server.seen().size(), rcode == dns::Rcode::ServFail ? 3u : 1u);
    // From now on cores find it by themselves, for 30 seconds.
    const cache::Entry* cached = rig.cached(kName);
    EXPECT_EQ(cached, fill.entry);
    EXPECT_GT(cached->expires(), base::Clock::now() + seconds(20));
    EXPECT_LT(cached->expires(), base::Clock::now() + seconds(31));
    EXPECT_EQ(content_of(fill)->age, 0u);
  }
}

TEST(WorkerStale, WithoutAnOldAnswerTheResolversReasonIsTold) {
  for (const dns::Rcode rcode : {dns::Rcode::ServFail, dns::Rcode::Refused, dns::Rcode::NxDomain}) {
    SCOPED_TRACE(static_cast<int>(rcode));
    DotServer server(good_identity(), {.script = failing(rcode, dns::Ede::DnssecBogus)});
    WorkerRig rig({backend_at(server.endpoint())});
    const exchange::Fill fill = rig.resolve(kName);
    ASSERT_NE(fill.entry, nullptr);
    EXPECT_EQ(content_of(fill)->rcode, rcode);
    EXPECT_EQ(content_of(fill)->ede, dns::Ede::DnssecBogus);
    EXPECT_EQ(rig.cached(kName), fill.entry);
  }
}

TEST(WorkerStale, OldDenialIsToldAsOne) {
  DotServer server(good_identity(), {.script = failing(dns::Rcode::ServFail)});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, seconds(10), dns::Rcode::NxDomain);
  const exchange::Fill fill = rig.resolve(kName);
  ASSERT_NE(fill.entry, nullptr);
  EXPECT_EQ(content_of(fill)->rcode, dns::Rcode::NxDomain);
  EXPECT_EQ(content_of(fill)->ede, dns::Ede::StaleNxDomain);
}

TEST(WorkerStale, NewAnswerTakesTheOldOnesPlace) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, seconds(10));
  const exchange::Fill fill = rig.resolve(kName);
  EXPECT_EQ(address_in(fill), "192.0.2.1");
  EXPECT_FALSE(fill.entry->stale());
  EXPECT_EQ(rig.cached(kName), fill.entry);
}

struct NotTold {
  const char* name;
  base::Duration ago;
  dns::Rcode rcode;
  uint32_t max_stale;
  dns::Ede said;
};

class WorkerStaleNot : public testing::TestWithParam<NotTold> {};

TEST_P(WorkerStaleNot, TheFailureIsTold) {
  const NotTold& row = GetParam();
  DotServer server(good_identity(), {.script = failing(dns::Rcode::ServFail, row.said)});
  WorkerRig rig({backend_at(server.endpoint())});
  questions::Configuration configuration = rig.configuration();
  configuration.pools[0].staleness.max_stale = row.max_stale;
  rig.adopt(configuration);
  rig.leave(kName, row.ago, row.rcode);
  EXPECT_EQ(address_in(rig.resolve(kName)), "rcode 2");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, WorkerStaleNot,
    testing::Values(NotTold{"too_old", hours(25), dns::Rcode::NoError, 86400, dns::Ede::None},
                    NotTold{"never", seconds(1), dns::Rcode::NoError, 0, dns::Ede::None},
                    NotTold{"old_failure", seconds(1), dns::Rcode::ServFail, 86400, dns::Ede::None},
                    NotTold{"old_refusal", seconds(1), dns::Rcode::Refused, 86400, dns::Ede::None},
                    NotTold{"signatures_do_not_hold", seconds(1), dns::Rcode::NoError, 86400,
                            dns::Ede::DnssecBogus},
                    NotTold{"signature_expired", seconds(1), dns::Rcode::NoError, 86400,
                            dns::Ede{7}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(WorkerStale, WhoCanWaitNoLongerIsToldWhileTheQueryGoesOn) {
  std::atomic<bool> open{false};
  DotServer server(good_identity(), {.script = answer_while(open)});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.query_timeout = kPatience;
  WorkerRig rig({settings});
  rig.leave(kName, seconds(10));
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  EXPECT_EQ(address_in(rig.resolve(kName, base::milliseconds(200))), kStaleAddress);
  open = true;
  EXPECT_TRUE(eventually([&] {
    const cache::Entry* cached = rig.cached(kName);
    return cached != nullptr && !cached->stale();
  }));
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST(WorkerStale, NobodyThereAndSilenceAreFailuresToo) {
  DotServer silent(good_identity(), {.script = answer_none});
  backends::BackendSettings settings = backend_at(silent.endpoint());
  settings.query_timeout = base::milliseconds(200);
  WorkerRig rig({settings});
  rig.leave(kName, seconds(10));
  EXPECT_EQ(address_in(rig.resolve(kName, base::milliseconds(400))), kStaleAddress);
}

TEST(WorkerStale, EndsWhenAnOverdueQueryIsAnswered) {
  std::atomic<bool> open{false};
  DotServer server(good_identity(), {.script = answer_while(open)});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.query_timeout = base::milliseconds(50);
  WorkerRig rig({settings});
  rig.leave(kName, seconds(10));
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  EXPECT_EQ(address_in(rig.resolve(kName, base::milliseconds(200))), kStaleAddress);
  ASSERT_TRUE(rig.cached(kName)->stale());
  open = true;
  EXPECT_TRUE(eventually([&] { return !rig.cached(kName)->stale(); }));
}

TEST(WorkerStale, BackendsThatAreDownAreNotWaitedFor) {
  DotServer server(good_identity());
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.health.mode = backends::HealthSettings::Mode::Down;
  WorkerRig rig({settings});
  rig.leave(kName, seconds(10));
  EXPECT_EQ(address_in(rig.resolve(kName)), kStaleAddress);
  EXPECT_EQ(server.seen().size(), 0u);
}

TEST(WorkerStale, IsOverWhenItsTimeIs) {
  DotServer server(good_identity(), {.script = failing(dns::Rcode::ServFail)});
  WorkerRig rig({backend_at(server.endpoint())});
  // Ten seconds are left of a day, so it is not told for thirty.
  rig.leave(kName, hours(24) - seconds(10));
  const exchange::Fill fill = rig.resolve(kName);
  ASSERT_EQ(address_in(fill), kStaleAddress);
  EXPECT_LE(fill.entry->expires(), base::Clock::now() + seconds(10));
}

TEST(WorkerStale, IsGoneOnceItIsFlushed) {
  DotServer server(good_identity(), {.script = failing(dns::Rcode::ServFail)});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, seconds(10));
  ASSERT_EQ(address_in(rig.resolve(kName)), kStaleAddress);
  EXPECT_EQ(rig.flush(kName), 1u);
  rig.worker().forget_failures();
  EXPECT_EQ(address_in(rig.resolve(kName)), "rcode 2");
}

TEST(WorkerStale, AnswerThatMayNotBeKeptEndsTheOldOneToo) {
  std::atomic<bool> fails{false};
  DotServer server(
      good_identity(), {.script = [&](Connection& connection) {
        while (const auto query = connection.read_query()) {
          connection.send(fails ? rcode_to(*query, dns::Rcode::ServFail) : answer_to(*query, 0));
        }
      }});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, seconds(10));
  ASSERT_EQ(address_in(rig.resolve(kName)), "192.0.2.1");
  fails = true;
  EXPECT_EQ(address_in(rig.resolve(kName)), "rcode 2");
}

TEST(WorkerPrefetch, NobodyIsToldAndTheCacheHasTheNewAnswer) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, -seconds(5));
  rig.prefetch(kName);
  EXPECT_TRUE(eventually([&] {
    return server.seen().size() == 1 &&
           rig.cached(kName)->expires() > base::Clock::now() + seconds(100);
  }));
  EXPECT_TRUE(rig.no_fill_waits());
}

TEST(WorkerPrefetch, FailureLeavesTheAnswerThatIsThere) {
  DotServer server(good_identity(), {.script = failing(dns::Rcode::ServFail)});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, -seconds(5));
  rig.prefetch(kName);
  EXPECT_TRUE(eventually([&] { return rig.backend().failures.total() == 3; }));
  EXPECT_EQ(address_in(rig.resolve(kName)), kStaleAddress);
  EXPECT_FALSE(rig.cached(kName)->stale());
  EXPECT_TRUE(rig.no_fill_waits());
}

TEST(WorkerPrefetch, ThatFailedIsTriedAgain) {
  std::atomic<int> asked{0};
  DotServer server(good_identity(), {.script = [&](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       connection.send(asked++ == 0 ? rcode_to(*query, dns::Rcode::ServFail)
                                                    : answer_to(*query, 300));
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, -seconds(30));
  rig.cached(kName)->touch();
  rig.prefetch(kName);
  EXPECT_TRUE(
      eventually([&] { return rig.cached(kName)->expires() > base::Clock::now() + seconds(100); }));
  EXPECT_EQ(asked, 2);
}

/// As from a resolver's cache, which tells what is left there.
TEST(WorkerPrefetch, AnswerThatEndsSoonIsFetchedAgainAtItsEnd) {
  std::atomic<int> asked{0};
  DotServer server(good_identity(), {.script = [&](Connection& connection) {
                     while (const auto query = connection.read_query())
                       connection.send(answer_to(*query, asked++ < 2 ? 1 : 300));
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, -seconds(5));
  rig.prefetch(kName);
  base::Time end = base::Time::max();
  EXPECT_TRUE(eventually([&] {
    const cache::Entry* cached = rig.cached(kName);
    cached->touch();  // In demand.
    end = cached->expires();
    return end > base::Clock::now() + seconds(100);
  }));
  EXPECT_EQ(asked, 3);
}

TEST(WorkerPrefetch, AnswerInNoDemandIsNotFetchedAgain) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query())
                       connection.send(answer_to(*query, 1));
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, -seconds(5));
  rig.prefetch(kName);
  ASSERT_TRUE(eventually([&] { return server.seen().size() == 1; }));
  std::this_thread::sleep_for(seconds(1));
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST(WorkerPrefetch, AnswerThatMayNotBeKeptLeavesTheOneThatIsThere) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query())
                       connection.send(answer_to(*query, 0));
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  rig.leave(kName, -seconds(60));
  rig.prefetch(kName);
  ASSERT_TRUE(eventually([&] { return server.seen().size() == 1; }));
  ASSERT_TRUE(eventually([&] {
    return rig.backend().responses[0].read() == 1 && rig.worker().counters().questions.read() == 0;
  }));
  ASSERT_NE(rig.cached(kName), nullptr);
  EXPECT_GT(rig.cached(kName)->expires(), base::Clock::now() + seconds(20));
}

TEST(WorkerPrefetch, IsLeftUndoneWhileHalfOfAllQuestionsAreOpen) {
  DotServer silent(good_identity(), {.script = answer_none});
  backends::BackendSettings settings = backend_at(silent.endpoint());
  settings.query_timeout = kPatience * 10;
  WorkerRig rig({.sessions_per_backend = 1, .max_questions = 4}, {settings});
  rig.ask("a.example.");
  rig.ask("b.example.");
  EXPECT_TRUE(eventually([&] { return silent.seen().size() == 2; }));
  rig.prefetch(kName);
  EXPECT_TRUE(eventually([&] { return rig.worker().counters().prefetches_left.read() == 1; }));
  EXPECT_EQ(silent.seen().size(), 2u);
}

}  // namespace
}  // namespace tests
