// How long a worker waits for whom: slow backends, sessions that hang while others go on, questions
// that failed just before.
#include <algorithm>
#include <atomic>

#include "tests/tls-workers/worker/worker_rig.h"
#include "tls-workers/sessions/sessions.h"

namespace tests {
namespace {

/// Questions that nobody answers are over before a test is.
const worker::WorkerSettings kShortQuestions{.sessions_per_backend = 1,
                                             .question_life = base::milliseconds(500)};

/// They are not over before a test has seen what it waits for.
const worker::WorkerSettings kLongQuestions{.sessions_per_backend = 1, .question_life = kPatience};

TEST(WorkerPatience, QuestionThatFailedFailsAgainWithoutBeingAsked) {
  DotServer silent(good_identity(), {.script = answer_none});
  backends::BackendSettings settings = backend_at(silent.endpoint());
  settings.query_timeout = base::milliseconds(200);
  WorkerRig rig(kShortQuestions, {settings});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NetworkError);
  const size_t asked = silent.seen().size();
  for (int i = 0; i < 5; ++i) {
    const exchange::Fill fill = rig.resolve("www.example.");
    EXPECT_EQ(fill.entry, nullptr);
    EXPECT_EQ(fill.ede, dns::Ede::CachedError);
  }
  EXPECT_EQ(silent.seen().size(), asked);
  EXPECT_EQ(rig.worker().counters().failures_held.read(), 5u);
}

TEST(WorkerPatience, QuestionThatFailedIsAskedAgainOnceThatIsForgotten) {
  std::atomic<bool> open{false};
  DotServer server(good_identity(), {.script = answer_while(open)});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.query_timeout = base::milliseconds(200);
  WorkerRig rig(kShortQuestions, {settings});
  // Twice, so that it is held for two seconds.
  for (int failed = 0; failed < 2;) {
    if (rig.resolve("www.example.").ede == dns::Ede::NetworkError) ++failed;
  }
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::CachedError);
  rig.worker().forget_failures();
  open = true;
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
}

TEST(WorkerPatience, QuestionThatFailedIsAskedAgainAfterAWhile) {
  std::atomic<bool> open{false};
  DotServer server(good_identity(), {.script = answer_while(open)});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.query_timeout = base::milliseconds(200);
  WorkerRig rig(kShortQuestions, {settings});
  EXPECT_EQ(rig.resolve("www.example.").entry, nullptr);
  open = true;
  EXPECT_TRUE(eventually([&] { return rig.resolve("www.example.").entry != nullptr; }));
}

std::vector<backends::BackendSettings> both(const DotServer& first, const DotServer& second) {
  std::vector<backends::BackendSettings> backends = {backend_at(first.endpoint(), "first"),
                                                     backend_at(second.endpoint(), "second")};
  backends[1].order = 2;
  for (backends::BackendSettings& backend : backends) backend.query_timeout = kPatience;
  return backends;
}

TEST(WorkerPatience, SlowQueryIsHedgedAndTheFirstAnswerCounts) {
  std::atomic<bool> open{true};
  DotServer first(good_identity(), {.script = answer_while(open)});
  DotServer second(good_identity());
  WorkerRig rig({.sessions_per_backend = 1}, both(first, second), true);
  ASSERT_TRUE(
      eventually([&] { return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1; }));
  // One at a time, so all of them go to the first; they pay for the hedge.
  for (int i = 0; i < 40; ++i) (void)rig.resolve("n" + std::to_string(i) + ".example.");
  open = false;
  EXPECT_EQ(address_in(rig.resolve("slow.example.")), "192.0.2.1");
  EXPECT_GE(rig.worker().counters().hedged.read(), 1u);
  open = true;
  EXPECT_TRUE(eventually([&] { return rig.backend(0).in_flight.read() == 0; }));
  EXPECT_TRUE(rig.no_fill_waits());
  EXPECT_EQ(rig.backend(0).failures.total() + rig.backend(1).failures.total(), 0u);
}

TEST(WorkerPatience, HedgesStayWithinTheirBudget) {
  std::atomic<bool> open{true};
  DotServer first(good_identity(), {.script = answer_while(open)});
  DotServer second(good_identity());
  WorkerRig rig({.sessions_per_backend = 1}, both(first, second), true);
  ASSERT_TRUE(
      eventually([&] { return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1; }));
  constexpr int kBefore = 100;
  for (int i = 0; i < kBefore; ++i) (void)rig.resolve("n" + std::to_string(i) + ".example.");
  open = false;
  constexpr int kSlow = 100;
  for (int i = 0; i < kSlow; ++i) rig.ask("slow" + std::to_string(i) + ".example.");
  std::this_thread::sleep_for(base::milliseconds(500));
  open = true;
  for (int i = 0; i < kSlow; ++i) EXPECT_NE(rig.next_fill().entry, nullptr);
  EXPECT_LE(rig.worker().counters().hedged.read(), (kBefore + kSlow) / 20u);
}

TEST(WorkerPatience, SessionThatHangsIsPassedOverAndReplaced) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     if (connection.number() == 0) return answer_none(connection);
                     answer_all(connection);
                   }});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.query_timeout = kPatience * 2;  // The hanging session is not closed for it.
  WorkerRig rig({.sessions_per_backend = 2}, {settings});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 2; }));
  // New questions keep coming, and some of the first ones hang.
  int asked = 0;
  ASSERT_TRUE(eventually([&] {
    rig.ask("n" + std::to_string(asked++) + ".example.", 1, kPatience * 2);
    return server.connections() == 3;
  }));
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(address_in(rig.resolve("after" + std::to_string(i) + ".example.")), "192.0.2.1");
  EXPECT_EQ(rig.backend().up.read(), 1u);
  EXPECT_EQ(server.connections(), 3u);
}

TEST(WorkerPatience, WhatWentDownWithAHangingSessionIsAskedOnAnother) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     if (connection.number() == 0) return answer_none(connection);
                     answer_all(connection);
                   }});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.query_timeout = base::milliseconds(1000);
  WorkerRig rig({.sessions_per_backend = 2}, {settings});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 2; }));
  // The last of these comes a turn later, so that the other session is heard after the silent one
  // was asked.
  constexpr int kQuestions = 40;
  for (int i = 0; i < kQuestions; ++i) {
    if (i == kQuestions - 1) std::this_thread::sleep_for(base::milliseconds(50));
    rig.ask("n" + std::to_string(i) + ".example.");
  }
  for (int i = 0; i < kQuestions; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  EXPECT_GE(rig.failures(backends::Failure::Deadline), 1u);
  EXPECT_EQ(rig.backend().up.read(), 1u);
}

/// `endpoint` of a resolver that takes its time: its queries are overdue at once.
backends::BackendSettings impatient(const base::Endpoint& endpoint,
                                    const std::string& name = "backend") {
  backends::BackendSettings settings = backend_at(endpoint, name);
  settings.query_timeout = base::milliseconds(100);
  return settings;
}

TEST(WorkerPatience, AnswerThatTakesLongerThanAQueryShouldIsTaken) {
  std::atomic<bool> open{false};
  DotServer slow(good_identity(), {.script = answer_while(open)});
  WorkerRig rig(kLongQuestions, {impatient(slow.endpoint())});
  rig.ask("www.example.");
  ASSERT_TRUE(eventually([&] { return rig.failures(backends::Failure::Deadline) >= 1; }));
  EXPECT_TRUE(rig.no_fill_waits());
  open = true;
  EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
}

TEST(WorkerPatience, SlowAnswerIsTakenWhileOthersAreQuick) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     std::optional<Bytes> slow;
                     while (const auto query = connection.read_query()) {
                       const bool last = name_in(*query) == wire_name("last.example.");
                       if (name_in(*query) == wire_name("slow.example.")) {
                         slow = *query;
                       } else {
                         connection.send(answer_to(*query));
                       }
                       if (last && slow) connection.send(answer_to(*slow, 300, {192, 0, 2, 7}));
                     }
                   }});
  WorkerRig rig(kLongQuestions, {impatient(server.endpoint())});
  const exchange::Ticket slow = rig.ask("slow.example.");
  for (int i = 0; rig.failures(backends::Failure::Deadline) == 0; ++i)
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("last.example.")), "192.0.2.1");
  const exchange::Fill fill = rig.next_fill();
  EXPECT_EQ(fill.ticket, slow);
  EXPECT_EQ(address_in(fill), "192.0.2.7");
  EXPECT_EQ(server.connections(), 1u);
}

TEST(WorkerPatience, WhoAsksAgainJoinsTheQuestionThatIsStillOpen) {
  std::atomic<bool> open{false};
  DotServer slow(good_identity(), {.script = answer_while(open)});
  WorkerRig rig(kLongQuestions, {impatient(slow.endpoint())});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  EXPECT_EQ(rig.resolve("www.example.", base::milliseconds(200)).ede, dns::Ede::NetworkError);
  const exchange::Ticket second = rig.ask("www.example.");
  ASSERT_TRUE(eventually([&] { return rig.worker().counters().merged.read() == 1; }));
  open = true;
  const exchange::Fill fill = rig.next_fill();
  EXPECT_EQ(fill.ticket, second);
  EXPECT_EQ(address_in(fill), "192.0.2.1");
  EXPECT_EQ(rig.worker().counters().failures_held.read(), 0u);
}

TEST(WorkerPatience, LateAnswerIsKeptForWhoAsksAgain) {
  std::atomic<bool> open{false};
  DotServer slow(good_identity(), {.script = answer_while(open)});
  WorkerRig rig(kLongQuestions, {impatient(slow.endpoint())});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  EXPECT_EQ(rig.resolve("www.example.", base::milliseconds(200)).entry, nullptr);
  open = true;
  EXPECT_TRUE(eventually([&] { return rig.cached("www.example.") != nullptr; }));
  EXPECT_TRUE(rig.no_fill_waits());
}

TEST(WorkerPatience, OtherBackendIsAskedInTimeAndTheFirstOnesAnswerStillCounts) {
  std::atomic<bool> open{false};
  DotServer slow(good_identity(), {.script = answer_while(open)});
  DotServer silent(good_identity(), {.script = answer_none});
  std::vector<backends::BackendSettings> backends = {impatient(slow.endpoint(), "slow"),
                                                     impatient(silent.endpoint(), "silent")};
  backends[1].order = 2;
  WorkerRig rig(kLongQuestions, backends);
  ASSERT_TRUE(
      eventually([&] { return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1; }));
  rig.ask("www.example.");
  ASSERT_TRUE(eventually([&] { return !silent.seen().empty(); }));
  EXPECT_TRUE(rig.no_fill_waits());
  open = true;
  EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
}

TEST(WorkerPatience, MoreSessionsAreOpenedWhileQuestionsWait) {
  std::atomic<bool> open{false};
  DotServer slow(good_identity(), {.script = answer_while(open)});
  backends::BackendSettings settings = backend_at(slow.endpoint());
  settings.max_in_flight = 10;
  settings.query_timeout = kPatience;
  WorkerRig rig({.sessions_per_backend = 2, .question_life = kPatience}, {settings});
  constexpr unsigned kMost = 2 + sessions::Sessions::kMostExtra;
  constexpr unsigned kQuestions = 20 * kMost;
  for (unsigned i = 0; i < kQuestions; ++i) rig.ask("www.n" + std::to_string(i) + ".example.");
  EXPECT_TRUE(eventually([&] { return rig.backend().in_flight.read() == 10 * kMost; }));
  std::this_thread::sleep_for(base::milliseconds(100));
  EXPECT_EQ(slow.connections(), kMost) << "that is the limit";
  open = true;
  for (unsigned i = 0; i < kQuestions; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
}

TEST(WorkerPatience, NobodyIsWaitedForAloneForLong) {
  DotServer first(good_identity(), {.script = answer_none});
  DotServer second(good_identity(), {.script = answer_none});
  DotServer third(good_identity());
  std::vector<backends::BackendSettings> backends = both(first, second);
  backends.push_back(backend_at(third.endpoint(), "third"));
  backends[2].order = 3;
  WorkerRig rig(kLongQuestions, backends);
  ASSERT_TRUE(eventually([&] {
    return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1 &&
           rig.backend(2).up.read() == 1;
  }));
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(rig.failures(backends::Failure::Deadline, 0), 0u) << "long before any deadline";
  EXPECT_EQ(first.seen().size() + second.seen().size(), 2u);
}

/// A resolver that drops both replies drops the connection twice, and some break over that.
TEST(WorkerPatience, NothingIsAskedTwiceAtOnceOnOneSession) {
  DotServer first(good_identity(), {.script = answer_none});
  DotServer second(good_identity(), {.script = answer_none});
  std::vector<backends::BackendSettings> backends = both(first, second);
  WorkerRig rig({.sessions_per_backend = 1, .question_life = base::milliseconds(1800)}, backends);
  ASSERT_TRUE(
      eventually([&] { return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1; }));
  EXPECT_EQ(rig.resolve("www.example.").entry, nullptr);
  EXPECT_GE(first.seen().size() + second.seen().size(), 4u) << "there is time for more than two";
  for (const DotServer* server : {&first, &second}) {
    std::vector<unsigned> connections;
    for (const DotServer::Seen& seen : server->seen()) connections.push_back(seen.connection);
    std::ranges::sort(connections);
    EXPECT_TRUE(std::ranges::adjacent_find(connections) == connections.end());
  }
}

TEST(WorkerPatience, QuestionIsOverInTheEnd) {
  DotServer silent(good_identity(), {.script = answer_none});
  WorkerRig rig(kShortQuestions, {impatient(silent.endpoint())});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NetworkError);
  // It is counted at the end of the turn in which the fill came.
  EXPECT_TRUE(eventually([&] { return rig.worker().counters().questions.read() == 0; }));
  EXPECT_LE(silent.seen().size(), 3u);
}

}  // namespace
}  // namespace tests
