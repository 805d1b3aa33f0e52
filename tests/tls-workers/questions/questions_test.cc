#include "tls-workers/questions/questions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/message_builder.h"

namespace tests {
namespace {

using base::milliseconds;
using questions::Asker;
using questions::OpenQuestion;
using questions::Questions;
using Line = questions::Questions::Line;

const base::Time kStart{base::seconds(1000)};
constexpr base::seconds kLife{5};

exchange::Miss miss_for(const std::string& name, uint32_t slot,
                        base::Duration patience = base::seconds(2), uint8_t pool = 0) {
  return {.question = dns::make_question(wire_name(name), dns::Type::A, dns::Class::In,
                                         dns::Wants::Plain, dns::PoolId{pool}),
          .ticket = {slot, 1},
          .deadline = kStart + patience};
}

std::multiset<uint32_t> released(Questions& questions, OpenQuestion& question) {
  std::multiset<uint32_t> slots;
  questions.release(question, [&](const Asker& asker) { slots.insert(asker.ticket.slot); });
  return slots;
}

TEST(Questions, EqualOnesAreOpenedOnce) {
  Questions questions(8, kLife, kStart);
  const Questions::Join first = questions.join(miss_for("a.example.", 1), 0, kStart);
  const Questions::Join second = questions.join(miss_for("a.example.", 2), 1, kStart);
  const Questions::Join third = questions.join(miss_for("b.example.", 3), 0, kStart);
  EXPECT_EQ(first.how, Questions::Joined::Opened);
  EXPECT_EQ(second.how, Questions::Joined::Merged);
  EXPECT_EQ(second.question, first.question);
  EXPECT_EQ(third.how, Questions::Joined::Opened);
  EXPECT_EQ(questions.open(), 2u);
  EXPECT_EQ(released(questions, *first.question), (std::multiset<uint32_t>{1, 2}));
  EXPECT_FALSE(questions.has_askers(*first.question));
}

TEST(Questions, HashAloneDoesNotMakeThemEqual) {
  Questions questions(8, kLife, kStart);
  exchange::Miss a = miss_for("a.example.", 1);
  exchange::Miss b = miss_for("b.example.", 2);
  a.question.hash = b.question.hash = 42;
  EXPECT_EQ(questions.join(a, 0, kStart).how, Questions::Joined::Opened);
  EXPECT_EQ(questions.join(b, 0, kStart).how, Questions::Joined::Opened);
  EXPECT_EQ(questions.join(a, 1, kStart).how, Questions::Joined::Merged);
}

TEST(Questions, ClosedOnesAreNotFoundByTheirOldHandle) {
  Questions questions(1, kLife, kStart);
  OpenQuestion* first = questions.join(miss_for("a.example.", 1), 0, kStart).question;
  const sessions::QuestionHandle handle = first->handle;
  EXPECT_EQ(questions.find(handle), first);
  (void)released(questions, *first);
  questions.close(*first);
  EXPECT_EQ(questions.find(handle), nullptr);
  OpenQuestion* second = questions.join(miss_for("b.example.", 2), 0, kStart).question;
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->handle.slot, handle.slot);
  EXPECT_EQ(questions.find(handle), nullptr);
}

TEST(Questions, RefusesWhatItHasNoRoomFor) {
  Questions questions(2, kLife, kStart);
  OpenQuestion* first = questions.join(miss_for("a.example.", 1), 0, kStart).question;
  EXPECT_EQ(questions.join(miss_for("b.example.", 2), 0, kStart).how, Questions::Joined::Opened);
  EXPECT_EQ(questions.join(miss_for("c.example.", 3), 0, kStart).how, Questions::Joined::Full);
  // Two askers for each question there is room for.
  EXPECT_EQ(questions.join(miss_for("a.example.", 4), 1, kStart).how, Questions::Joined::Merged);
  EXPECT_EQ(questions.join(miss_for("a.example.", 5), 2, kStart).how, Questions::Joined::Merged);
  EXPECT_EQ(questions.join(miss_for("a.example.", 6), 3, kStart).how, Questions::Joined::Full);
  EXPECT_EQ(released(questions, *first), (std::multiset<uint32_t>{1, 4, 5}));
  questions.close(*first);
  EXPECT_EQ(questions.join(miss_for("c.example.", 3), 0, kStart).how, Questions::Joined::Opened);
}

TEST(Questions, EveryAskerHasADeadlineOfItsOwn) {
  Questions questions(8, kLife, kStart);
  OpenQuestion* question =
      questions.join(miss_for("a.example.", 1, milliseconds(300)), 0, kStart).question;
  (void)questions.join(miss_for("a.example.", 2, milliseconds(100)), 1, kStart);
  EXPECT_EQ(questions.next_due(kStart + milliseconds(90)), nullptr);
  const auto overdue = [&](base::Time now) {
    std::vector<uint32_t> slots;
    while (OpenQuestion* due = questions.next_due(now)) {
      questions.release_overdue(*due, now,
                                [&](const Asker& asker) { slots.push_back(asker.ticket.slot); });
    }
    return slots;
  };
  EXPECT_EQ(overdue(kStart + milliseconds(110)), (std::vector<uint32_t>{2}));
  EXPECT_TRUE(questions.has_askers(*question));
  EXPECT_EQ(overdue(kStart + milliseconds(310)), (std::vector<uint32_t>{1}));
  EXPECT_FALSE(questions.has_askers(*question));
  EXPECT_EQ(questions.find(question->handle), question);
}

TEST(Questions, OutliveTheirAskersAndEndInTime) {
  Questions questions(8, kLife, kStart);
  OpenQuestion* question = questions.join(miss_for("a.example.", 1), 0, kStart).question;
  EXPECT_EQ(question->until, kStart + kLife);
  EXPECT_EQ(questions.last_deadline(*question), kStart + base::seconds(2));
  (void)released(questions, *question);
  EXPECT_EQ(questions.last_deadline(*question), base::Time::min());
  // Who joins gets no more time out of it.
  const base::Time later = kStart + base::seconds(4);
  EXPECT_EQ(questions.join(miss_for("a.example.", 2, base::seconds(6)), 0, later).how,
            Questions::Joined::Merged);
  EXPECT_EQ(question->until, kStart + kLife);
  bool due = false;
  for (base::Time now = later; now <= kStart + kLife + milliseconds(8); now += milliseconds(4)) {
    while (OpenQuestion* found = questions.next_due(now)) {
      due |= now >= found->until;
      questions.release_overdue(*found, now, [](const Asker&) { FAIL(); });
      if (due) break;  // It would be due for ever now.
    }
    if (due) break;
  }
  EXPECT_TRUE(due);
}

TEST(Questions, KnowWhetherAnAnswerMayComeInTime) {
  OpenQuestion question;
  EXPECT_FALSE(question.hopes());
  question.under_way = 2;
  question.overdue = 1;
  EXPECT_TRUE(question.hopes());
  question.take_back({.state = sessions::Asked::State::Waiting}, 0);
  EXPECT_FALSE(question.hopes());
  EXPECT_EQ(question.under_way, 1);
  question.take_back({.state = sessions::Asked::State::TimedOut}, 0);
  EXPECT_EQ(question.under_way, 0);
  EXPECT_EQ(question.overdue, 0);
}

TEST(Questions, WaitInTheirPoolsInOrder) {
  Questions questions(8, kLife, kStart);
  std::vector<OpenQuestion*> opened;
  for (uint32_t i = 0; i < 6; ++i) {
    const auto pool = static_cast<uint8_t>(i % 2);
    opened.push_back(
        questions
            .join(miss_for("a" + std::to_string(i) + ".example.", i, base::seconds(2), pool), 0,
                  kStart)
            .question);
    questions.wait(*opened.back(), kStart);
  }
  EXPECT_EQ(questions.first_waiting(0, Line::Fair), opened[0]);
  EXPECT_EQ(questions.next_waiting(*opened[0]), opened[2]);
  EXPECT_EQ(questions.next_waiting(*opened[4]), nullptr);
  EXPECT_EQ(questions.first_waiting(1, Line::Fair), opened[1]);
  questions.stop_waiting(*opened[2]);
  EXPECT_EQ(questions.next_waiting(*opened[0]), opened[4]);
  (void)released(questions, *opened[0]);
  questions.close(*opened[0]);
  EXPECT_EQ(questions.first_waiting(0, Line::Fair), opened[4]);
  questions.stop_waiting(*opened[4]);
  EXPECT_EQ(questions.first_waiting(0, Line::Fair), nullptr);
  questions.wait(*opened[2], kStart);
  EXPECT_EQ(questions.first_waiting(0, Line::Fair), opened[2]);
}

TEST(Questions, LetOthersGoBeforeThem) {
  Questions questions(8, kLife, kStart);
  std::vector<OpenQuestion*> opened;
  for (uint32_t i = 0; i < 3; ++i) {
    opened.push_back(
        questions.join(miss_for("a" + std::to_string(i) + ".example.", i), 0, kStart).question);
    questions.wait(*opened.back(), kStart + milliseconds(i));
  }
  questions.wait_behind_others(*opened[0]);
  EXPECT_EQ(questions.first_waiting(0, Line::Fair), opened[1]);
  EXPECT_EQ(questions.next_waiting(*opened[2]), opened[0]);
  EXPECT_EQ(opened[0]->waiting_since, kStart);
}

TEST(Questions, ManyOpenAndCloseWithoutLosingAny) {
  Questions questions(64, kLife, kStart);
  std::vector<OpenQuestion*> open;
  for (uint32_t i = 0; i < 10'000; ++i) {
    if (open.size() == 64) {
      const size_t victim = size_t{i} * 7919 % open.size();
      EXPECT_EQ(released(questions, *open[victim]).size(), 1u);
      questions.close(*open[victim]);
      open[victim] = open.back();
      open.pop_back();
    }
    const Questions::Join join =
        questions.join(miss_for("n" + std::to_string(i) + ".example.", i), 0, kStart);
    ASSERT_EQ(join.how, Questions::Joined::Opened);
    open.push_back(join.question);
  }
  size_t found = 0;
  questions.for_each_open([&](OpenQuestion&) { ++found; });
  EXPECT_EQ(found, 64u);
}

TEST(Questions, OfACrowdWaitInALineOfTheirOwn) {
  Questions questions(1000, kLife, kStart);
  std::vector<OpenQuestion*> crowd;
  for (uint32_t i = 0; i < 40; ++i) {
    crowd.push_back(
        questions.join(miss_for("n" + std::to_string(i) + ".victim.example.", i), 0, kStart)
            .question);
    questions.wait(*crowd.back(), kStart);
  }
  EXPECT_EQ(questions.first_waiting(0, Line::Fair), crowd.front());
  const auto over_quota = std::ranges::find_if(crowd, &OpenQuestion::over_quota);
  ASSERT_NE(over_quota, crowd.end());
  EXPECT_EQ(questions.first_waiting(0, Line::OverQuota), *over_quota);
  questions.stop_waiting(**over_quota);
  EXPECT_EQ(questions.first_waiting(0, Line::OverQuota), *(over_quota + 1));
  OpenQuestion* other = questions.join(miss_for("www.other.example.", 99), 0, kStart).question;
  questions.wait(*other, kStart);
  EXPECT_EQ(questions.next_waiting(**(over_quota - 1)), other);
}

TEST(Questions, OfOneDomainGetNoMoreThanAnEighthWhenRoomRunsShort) {
  constexpr uint32_t kCapacity = 800;
  Questions questions(kCapacity, kLife, kStart);
  uint32_t slot = 0;
  const auto ask = [&](const std::string& name) {
    return questions.join(miss_for(name, slot++), 0, kStart).how;
  };
  for (uint32_t i = 0; i < kCapacity / 2; ++i)
    EXPECT_EQ(ask("n" + std::to_string(i) + ".victim.example."), Questions::Joined::Opened);
  EXPECT_EQ(ask("more.victim.example."), Questions::Joined::OverQuota);
  EXPECT_EQ(ask("n0.victim.example."), Questions::Joined::Merged) << "that takes no room";
  EXPECT_EQ(questions.open(), kCapacity / 2);
  for (uint32_t i = 0; i < kCapacity / 8; ++i)
    EXPECT_EQ(ask("n" + std::to_string(i) + ".other.example."), Questions::Joined::Opened);
  EXPECT_EQ(ask("more.other.example."), Questions::Joined::OverQuota);
  EXPECT_EQ(ask("www.third.example."), Questions::Joined::Opened);
}

}  // namespace
}  // namespace tests
