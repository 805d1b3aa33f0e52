// What the dispatcher decides while no session is there: who waits, for how long, and when it is in
// vain. What it sends is seen in worker_test, where there are servers.
#include "tls-workers/questions/dispatcher.h"

#include "dataplane/base/epoll.h"
#include "tests/tls-workers/certificates.h"
#include "tests/tls-workers/questions/question_rig.h"

namespace tests {
namespace {

using base::milliseconds;
using base::seconds;
using questions::Dispatcher;
using questions::OpenQuestion;
using State = questions::OpenQuestion::State;
using Prospect = questions::Dispatcher::Prospect;
using Override = backends::Rotation::Override;

constexpr const char* kName = "www.example.";
constexpr base::Time kStart = QuestionRig::kStart;

/// A few backends in one pool, none of which is ever connected to.
class DispatcherRig : public QuestionRig {
 public:
  explicit DispatcherRig(uint32_t backends) {
    static const Authority authority;
    for (uint32_t number = 0; number < backends; ++number) {
      backends::BackendSettings backend;
      backend.name = "backend " + std::to_string(number);
      backend.subject_name = "dns.example";
      backend.ca_store = authority.file();
      backend.pools = {dns::PoolId{}};
      backend.health.mode = backends::HealthSettings::Mode::Up;
      const auto shared = std::make_shared<backends::SharedBackend>(backend, 1, kStart);
      configuration_.backends.push_back({backend, shared});
      backends_.put(number, std::make_unique<sessions::Sessions>(
                                sessions::Sessions::Shape{.backend = number,
                                                          .worker = 0,
                                                          .per_backend = 1,
                                                          .epoll = epoll_.fd(),
                                                          .seed = 7},
                                shared, tickets_));
    }
    configuration_.pools = settings;
    dispatcher.use(configuration_);
  }

  /// A session could not be opened, `times` in a row; returns when that is known. The back-off is
  /// then 100 ms, twice that each time, and up to a quarter more or less.
  base::Time refuse(uint32_t backend, int times) {
    base::Time now = kStart;
    sessions::Session& session = backends_[backend].all().front();
    for (int i = 0; i < times; ++i) {
      if (i > 0) now = backends_[backend].candidate(0, now).retry_at;
      session.fail(backends::Failure::Connect, "refused");
      (void)backends_[backend].ended(session, 0, now);
      session.close();
    }
    return now;
  }
  void override_all(Override word) {
    for (sessions::Sessions& backend : backends_.all())
      (void)backend.rotation().set_override(word, kStart);
  }

 private:
  base::Epoll epoll_ = base::Epoll::open().value();
  transport::Tickets tickets_;
  questions::Configuration configuration_;
  sessions::Backends backends_;

 public:
  Dispatcher dispatcher{backends_, questions, stale, counters};
};

TEST(Dispatcher, LetsAQuestionWaitForASession) {
  DispatcherRig rig(2);
  OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  EXPECT_EQ(rig.dispatcher.dispatch(question, kStart), Prospect::GoesOn);
  EXPECT_EQ(question.state, State::Waiting);
  EXPECT_EQ(rig.dispatcher.hindrance(question, kStart), questions::Hindrance::NoSession);
  EXPECT_EQ(rig.dispatcher.reason(question, kStart), dns::Ede::NoReachableAuthority);
  EXPECT_TRUE(rig.dispatcher.dispatch_waiting(kStart + seconds(1)).empty());
  EXPECT_EQ(question.state, State::Waiting);
}

TEST(Dispatcher, AQuestionWithoutAskersWaitsForNothing) {
  DispatcherRig rig(1);
  OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  rig.questions.release(question, [](const questions::Asker&) {});
  EXPECT_EQ(rig.dispatcher.dispatch(question, kStart), Prospect::Hopeless);
  EXPECT_EQ(question.state, State::Asked);
}

TEST(Dispatcher, IsHopelessIfTheOperatorHasBarredAll) {
  DispatcherRig rig(2);
  rig.override_all(Override::Down);
  OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  EXPECT_EQ(rig.dispatcher.dispatch(question, kStart), Prospect::Hopeless);
}

TEST(Dispatcher, GivesBackThoseThatWaitInVain) {
  DispatcherRig rig(1);
  OpenQuestion& first = rig.open(QuestionRig::miss_for("a.example."));
  OpenQuestion& second = rig.open(QuestionRig::miss_for("b.example."));
  EXPECT_EQ(rig.dispatcher.dispatch(first, kStart), Prospect::GoesOn);
  EXPECT_EQ(rig.dispatcher.dispatch(second, kStart), Prospect::GoesOn);
  rig.override_all(Override::Down);
  const auto hopeless = rig.dispatcher.dispatch_waiting(kStart);
  EXPECT_EQ(std::vector(hopeless.begin(), hopeless.end()), (std::vector{&first, &second}));
  EXPECT_EQ(first.state, State::Asked) << "it waits no longer";
  EXPECT_TRUE(rig.dispatcher.dispatch_waiting(kStart).empty());
}

TEST(Dispatcher, WaitsForABackOffThatEndsInTime) {
  DispatcherRig rig(1);
  const base::Time now = rig.refuse(0, 1);
  OpenQuestion& patient = rig.open(QuestionRig::miss_for("a.example.", now + seconds(2)));
  OpenQuestion& hasty = rig.open(QuestionRig::miss_for("b.example.", now + milliseconds(50)));
  EXPECT_EQ(rig.dispatcher.dispatch(patient, now), Prospect::GoesOn);
  EXPECT_EQ(rig.dispatcher.dispatch(hasty, now), Prospect::Hopeless);
}

TEST(Dispatcher, TellsAStaleAnswerRatherThanWaitForLong) {
  DispatcherRig rig(1);
  rig.leave(kName, rig.address(kName, 60), kStart - seconds(1));
  const base::Time now = rig.refuse(0, 4);  // Not again for 0.6 s.
  OpenQuestion& question = rig.open(QuestionRig::miss_for(kName, now + seconds(2)));
  EXPECT_EQ(rig.dispatcher.dispatch(question, now), Prospect::Hopeless) << "it has been told";
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  ASSERT_NE(fill->entry, nullptr);
  EXPECT_TRUE(fill->entry->stale());
}

TEST(Dispatcher, WaitsForAsLongIfThereIsNothingToTell) {
  DispatcherRig rig(1);
  const base::Time now = rig.refuse(0, 4);
  OpenQuestion& question = rig.open(QuestionRig::miss_for(kName, now + seconds(2)));
  EXPECT_EQ(rig.dispatcher.dispatch(question, now), Prospect::GoesOn);
  EXPECT_EQ(question.state, State::Waiting);
  EXPECT_FALSE(rig.fill());
}

TEST(Dispatcher, GoesOnWhileAnotherQueryIsUnderWay) {
  DispatcherRig rig(1);
  OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  question.under_way = 1;
  EXPECT_EQ(rig.dispatcher.lost(question, 0, questions::Loss::RuledOut, kStart), Prospect::GoesOn);
  EXPECT_EQ(question.state, State::Asked) << "an answer may come in the usual time";
  // Overdue, it may still come, but in the meantime there is no backend to ask instead.
  EXPECT_EQ(rig.dispatcher.overdue(question, 0, questions::Attempts::Where::SessionAnswers, kStart),
            Prospect::GoesOn);
  question.under_way = question.overdue = 0;
  EXPECT_EQ(rig.dispatcher.lost(question, 0, questions::Loss::Cut, kStart), Prospect::Hopeless);
}

TEST(Dispatcher, AsksTheBackendsThatAreNotRuledOut) {
  DispatcherRig rig(2);
  OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  EXPECT_EQ(rig.dispatcher.lost(question, 0, questions::Loss::RuledOut, kStart), Prospect::GoesOn);
  EXPECT_EQ(question.state, State::Waiting);
  rig.questions.stop_waiting(question);
  EXPECT_EQ(rig.dispatcher.lost(question, 1, questions::Loss::RuledOut, kStart),
            Prospect::Hopeless);
}

}  // namespace
}  // namespace tests
