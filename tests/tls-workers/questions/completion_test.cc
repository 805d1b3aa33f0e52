#include "tls-workers/questions/completion.h"

#include "tests/tls-workers/questions/question_rig.h"

namespace tests {
namespace {

using base::seconds;

constexpr const char* kName = "www.example.";
constexpr base::Time kStart = QuestionRig::kStart;

dns::Rcode rcode_of(const std::optional<exchange::Fill>& fill) {
  return fill->entry->content(kStart).rcode;
}

/// Its only backend has been asked for `question` and has failed it.
void fail(questions::OpenQuestion& question) {
  question.attempts.asked(0);
  question.attempts.lost(0, questions::Loss::Failed);
}

TEST(Completion, KeepsAnAnswerAndTellsAll) {
  QuestionRig rig;
  (void)rig.open(QuestionRig::miss_for(kName), 0);
  questions::OpenQuestion& question = rig.open(QuestionRig::miss_for(kName), 1);
  rig.completion.settle(question, rig.address(kName, 60), kStart, kStart);
  const cache::Entry* kept = rig.kept(kName);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->expires(), kStart + seconds(60));
  for (const unsigned core : {0u, 1u}) {
    const auto fill = rig.fill(core);
    ASSERT_TRUE(fill);
    EXPECT_EQ(fill->entry, kept);
    EXPECT_FALSE(rig.fill(core));
  }
  EXPECT_EQ(rig.questions.open(), 0u);
}

TEST(Completion, AnAnswerThatMayNotBeKeptEndsTheOneBefore) {
  QuestionRig rig;
  rig.leave(kName, rig.address(kName, 60), kStart + seconds(9));
  rig.completion.settle(rig.open(QuestionRig::miss_for(kName)), rig.address(kName, 0), kStart,
                        kStart);
  ASSERT_TRUE(rig.fill());
  EXPECT_EQ(rig.kept(kName), nullptr);
}

TEST(Completion, ButNotIfItWasFetchedAhead) {
  QuestionRig rig;
  rig.leave(kName, rig.address(kName, 60), kStart + seconds(9));
  exchange::Miss ahead = QuestionRig::miss_for(kName);
  ahead.ticket = exchange::kNobody;
  rig.completion.settle(rig.open(ahead), rig.address(kName, 0), kStart, kStart);
  EXPECT_FALSE(rig.fill()) << "no core waits";
  EXPECT_NE(rig.kept(kName), nullptr);
}

TEST(Completion, AFailureIsKeptForASecond) {
  QuestionRig rig;
  const exchange::Miss miss = QuestionRig::miss_for(kName);
  questions::OpenQuestion& question = rig.open(miss);
  fail(question);
  rig.completion.give_up(question, dns::Ede::NetworkError, kStart);
  const auto first = rig.fill();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->entry, nullptr);
  EXPECT_EQ(first->ede, dns::Ede::NetworkError);
  EXPECT_EQ(rig.questions.open(), 0u);

  const questions::Asker asker = QuestionRig::asker_of(miss);
  EXPECT_TRUE(rig.completion.refuse_again(miss, asker, kStart + base::milliseconds(999)));
  const auto again = rig.fill();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->ede, dns::Ede::CachedError);
  EXPECT_EQ(rig.counters.failures_held.read(), 1u);
  EXPECT_FALSE(rig.completion.refuse_again(miss, asker, kStart + seconds(1)));
}

TEST(Completion, AFailureIsForgottenWhenTheOperatorSaysSo) {
  QuestionRig rig;
  const exchange::Miss miss = QuestionRig::miss_for(kName);
  questions::OpenQuestion& question = rig.open(miss);
  fail(question);
  rig.completion.give_up(question, dns::Ede::NetworkError, kStart);
  rig.completion.forget_failures();
  EXPECT_FALSE(rig.completion.refuse_again(miss, QuestionRig::asker_of(miss), kStart));
}

TEST(Completion, ThatNoBackendCouldBeReachedIsNotKept) {
  QuestionRig rig;
  const exchange::Miss miss = QuestionRig::miss_for(kName);
  rig.completion.give_up(rig.open(miss), dns::Ede::NoReachableAuthority, kStart);
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  EXPECT_EQ(fill->ede, dns::Ede::NoReachableAuthority);
  EXPECT_FALSE(rig.completion.refuse_again(miss, QuestionRig::asker_of(miss), kStart));
}

TEST(Completion, AStaleAnswerIsToldInThePlaceOfAFailure) {
  QuestionRig rig;
  rig.leave(kName, rig.address(kName, 60), kStart - seconds(1));
  rig.completion.give_up(rig.open(QuestionRig::miss_for(kName)), dns::Ede::NetworkError, kStart);
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  ASSERT_NE(fill->entry, nullptr);
  EXPECT_TRUE(fill->entry->stale());
  EXPECT_EQ(fill->entry->expires(), kStart + cache::kRecheck);
  EXPECT_EQ(rig.kept(kName), fill->entry) << "told to those who ask next, too";
}

TEST(Completion, ButNotIfSignaturesDoNotHold) {
  QuestionRig rig;
  rig.leave(kName, rig.address(kName, 60), kStart - seconds(1));
  questions::OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  fail(question);
  question.bogus = true;
  rig.completion.give_up(question, dns::Ede::NetworkError, kStart);
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  EXPECT_EQ(fill->entry, nullptr);
  EXPECT_EQ(fill->ede, dns::Ede::NetworkError);
}

TEST(Completion, ButNotOneThatIsTooOld) {
  QuestionRig rig;
  rig.leave(kName, rig.address(kName, 60), kStart - QuestionRig::kDay);
  rig.completion.give_up(rig.open(QuestionRig::miss_for(kName)), dns::Ede::NetworkError, kStart);
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  EXPECT_EQ(fill->entry, nullptr);
}

TEST(Completion, ARefusalIsToldIfThereIsNothingBetter) {
  QuestionRig rig;
  questions::OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  const MessageBuilder refused = an_answer(kName, dns::Type::A, dns::Rcode::Refused);
  EXPECT_TRUE(rig.completion.keep_refusal(question, rig.answer(kName, refused), kStart));
  EXPECT_FALSE(rig.fill()) << "another backend may do better";
  const MessageBuilder failed = an_answer(kName, dns::Type::A, dns::Rcode::ServFail);
  EXPECT_TRUE(rig.completion.keep_refusal(question, rig.answer(kName, failed), kStart));
  rig.completion.give_up(question, dns::Ede::NetworkError, kStart);
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  ASSERT_NE(fill->entry, nullptr);
  EXPECT_EQ(rcode_of(fill), dns::Rcode::Refused) << "the first one counts";
}

TEST(Completion, ARefusalIsForgottenOverAnAnswer) {
  QuestionRig rig;
  questions::OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  const MessageBuilder refused = an_answer(kName, dns::Type::A, dns::Rcode::Refused);
  EXPECT_TRUE(rig.completion.keep_refusal(question, rig.answer(kName, refused), kStart));
  rig.completion.settle(question, rig.address(kName, 60), kStart, kStart);
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  EXPECT_EQ(rcode_of(fill), dns::Rcode::NoError);
  const exchange::Miss miss = QuestionRig::miss_for(kName);
  EXPECT_FALSE(rig.completion.refuse_again(miss, QuestionRig::asker_of(miss), kStart));
}

/// With and without the verdict that signatures do not hold.
class CompletionBogus : public testing::TestWithParam<bool> {};

TEST_P(CompletionBogus, ABogusAnswerIsNotReplacedByAStaleOne) {
  QuestionRig rig;
  rig.leave(kName, rig.address(kName, 60), kStart - seconds(1));
  questions::OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  question.bogus = GetParam();
  const MessageBuilder failed = an_answer(kName, dns::Type::A, dns::Rcode::ServFail);
  EXPECT_TRUE(rig.completion.keep_refusal(question, rig.answer(kName, failed), kStart));
  rig.completion.give_up(question, dns::Ede::NetworkError, kStart);
  const auto fill = rig.fill();
  ASSERT_TRUE(fill);
  ASSERT_NE(fill->entry, nullptr);
  EXPECT_EQ(rcode_of(fill), GetParam() ? dns::Rcode::ServFail : dns::Rcode::NoError);
}

INSTANTIATE_TEST_SUITE_P(Rows, CompletionBogus, testing::Bool());

TEST(Completion, TellsThoseWhoCanWaitNoLonger) {
  QuestionRig rig;
  (void)rig.open(QuestionRig::miss_for(kName, kStart + seconds(1)), 0);
  questions::OpenQuestion& question =
      rig.open(QuestionRig::miss_for(kName, kStart + seconds(2)), 1);
  rig.completion.tell_overdue(question, dns::Ede::NetworkError, kStart + base::milliseconds(999));
  EXPECT_FALSE(rig.fill(0));
  rig.completion.tell_overdue(question, dns::Ede::NetworkError, kStart + seconds(1));
  EXPECT_TRUE(rig.fill(0));
  EXPECT_FALSE(rig.fill(1));
  EXPECT_TRUE(rig.questions.has_askers(question));
}

TEST(Completion, AnAnswerThatComesLateIsForTheCacheAlone) {
  QuestionRig rig;
  questions::OpenQuestion& question = rig.open(QuestionRig::miss_for(kName));
  const sessions::QuestionHandle handle = question.handle;
  question.was_asked = true;
  rig.completion.give_up(question, dns::Ede::NetworkError, kStart);
  ASSERT_TRUE(rig.fill());
  const dns::Question* late = rig.completion.late_question(handle);
  ASSERT_NE(late, nullptr);
  rig.completion.keep_late(*late, rig.address(kName, 60), kStart + seconds(1));
  EXPECT_NE(rig.kept(kName), nullptr);
  EXPECT_FALSE(rig.fill());
  EXPECT_EQ(rig.counters.late_answers.read(), 1u);
}

}  // namespace
}  // namespace tests
