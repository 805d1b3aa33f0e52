// What a worker makes of answers: which question they are for, who is told, what is kept.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "dataplane/dns/upstream_query.h"
#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

/// The first label of the name asked for.
std::string label_in(const Bytes& query) {
  const Bytes name = name_in(query);
  const auto size = static_cast<size_t>(name[0]);
  return std::string(reinterpret_cast<const char*>(&name[1]), size);
}

TEST(WorkerAnswers, GoodAnswerFillsAndIsCached) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  const exchange::Fill fill = rig.resolve("www.example.");
  EXPECT_EQ(address_in(fill), "192.0.2.1");
  ASSERT_NE(fill.entry, nullptr);
  EXPECT_EQ(rig.cached("www.example."), fill.entry);
  EXPECT_EQ(rig.backend().queries.read(), 1u);
  EXPECT_EQ(rig.backend().responses[0].read(), 1u);
  EXPECT_EQ(rig.backend().handshakes_full.read(), 1u);
  EXPECT_EQ(rig.backend().sessions.read(), 1u);
  EXPECT_EQ(rig.backend().in_flight.read(), 0u);
  EXPECT_EQ(rig.backend().up.read(), 1u);
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

TEST(WorkerAnswers, TtlZeroIsToldButNotKept) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query())
                       connection.send(answer_to(*query, 0));
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(rig.cached("www.example."), nullptr);
}

TEST(WorkerAnswers, PoolWithoutCacheKeepsNothing) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  rig.ask(question_for("www.example.", dns::PoolId{1}));
  EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  EXPECT_EQ(rig.cached("www.example."), nullptr);
}

TEST(WorkerAnswers, EqualQuestionsOfTwoCoresAreAskedOnce) {
  std::atomic<bool> go{false};
  DotServer server(good_identity(), {.script = [&](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       while (!go) std::this_thread::yield();
                       connection.send(answer_to(*query));
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  std::array<std::set<uint32_t>, 2> asked;
  for (unsigned i = 0; i < 100; ++i) asked[i % 2].insert(rig.ask("www.example.", i % 2).slot);
  ASSERT_TRUE(eventually([&] { return rig.worker().counters().merged.read() == 99; }));
  go = true;
  for (unsigned i = 0; i < 100; ++i) {
    const exchange::Fill fill = rig.next_fill(i % 2);
    EXPECT_EQ(address_in(fill), "192.0.2.1");
    EXPECT_EQ(asked[i % 2].erase(fill.ticket.slot), 1u);
  }
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST(WorkerAnswers, QuestionsThatDifferInAnyPartAreNotMerged) {
  DotServer server(good_identity(), {.script = answer_none});
  WorkerRig rig({backend_at(server.endpoint())});
  const Bytes name = wire_name("www.example.");
  using dns::Class, dns::PoolId, dns::Type, dns::Wants;
  rig.ask(dns::make_question(name, Type::A, Class::In, Wants::Plain, PoolId{0}));
  rig.ask(dns::make_question(name, Type::Aaaa, Class::In, Wants::Plain, PoolId{0}));
  rig.ask(dns::make_question(name, Type::A, Class::In, Wants::DnssecOk, PoolId{0}));
  rig.ask(dns::make_question(name, Type::A, Class::In, Wants::CheckingDisabled, PoolId{0}));
  rig.ask(dns::make_question(name, Type::A, Class::In, Wants::Plain, PoolId{1}));
  EXPECT_TRUE(eventually([&] { return server.seen().size() == 5; }));
  EXPECT_EQ(rig.worker().counters().merged.read(), 0u);
}

/// Reads `count` queries before it answers them, in the order that `arrange` makes of them.
Script in_batches_of(size_t count, const std::function<void(std::vector<Bytes>&)>& arrange) {
  return [=](Connection& connection) {
    for (;;) {
      std::vector<Bytes> queries;
      while (queries.size() < count) {
        auto query = connection.read_query();
        if (!query) return;
        queries.push_back(*std::move(query));
      }
      arrange(queries);
      for (const Bytes& query : queries) {
        // The address tells which question this answers.
        connection.send(
            answer_to(query, 300, {192, 0, 2, std::to_integer<int>(name_in(query)[1])}));
      }
    }
  };
}

struct Order {
  const char* name;
  void (*arrange)(std::vector<Bytes>&);
};

class WorkerOrder : public testing::TestWithParam<Order> {};

TEST_P(WorkerOrder, EveryAnswerReachesItsOwnQuestion) {
  DotServer server(good_identity(), {.script = in_batches_of(20, GetParam().arrange)});
  WorkerRig rig({backend_at(server.endpoint())});
  std::map<uint32_t, std::string> expected;
  for (char letter = 'a'; letter < 'a' + 20; ++letter) {
    const exchange::Ticket ticket = rig.ask(std::string(1, letter) + ".example.");
    expected[ticket.slot] = "192.0.2." + std::to_string(static_cast<int>(letter));
  }
  for (int i = 0; i < 20; ++i) {
    const exchange::Fill fill = rig.next_fill();
    EXPECT_EQ(address_in(fill), expected[fill.ticket.slot]);
    expected.erase(fill.ticket.slot);
  }
  EXPECT_TRUE(expected.empty());
}

void as_asked(std::vector<Bytes>&) {}
void reversed(std::vector<Bytes>& queries) { std::ranges::reverse(queries); }
void interleaved(std::vector<Bytes>& queries) {
  std::stable_partition(queries.begin(), queries.end(),
                        [](const Bytes& query) { return id_of(query) % 2 == 0; });
}
INSTANTIATE_TEST_SUITE_P(Orders, WorkerOrder,
                         testing::Values(Order{"as_asked", as_asked}, Order{"reversed", reversed},
                                         Order{"interleaved", interleaved}),
                         [](const auto& test) { return std::string(test.param.name); });

/// How a stream may be cut without changing what it says.
struct Cut {
  const char* name;
  void (*write)(Connection&, const Bytes& stream);
};

class WorkerStream : public testing::TestWithParam<Cut> {};

TEST_P(WorkerStream, CutsDoNotMatter) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     for (;;) {
                       const auto first = connection.read_query();
                       const auto second = connection.read_query();
                       if (!first || !second) return;
                       GetParam().write(connection,
                                        joined({Connection::framed(answer_to(*first)),
                                                Connection::framed(answer_to(*second))}));
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  for (int round = 0; round < 3; ++round) {
    rig.ask("a" + std::to_string(round) + ".example.");
    rig.ask("b" + std::to_string(round) + ".example.");
    EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
    EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  }
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Cuts, WorkerStream,
    testing::Values(Cut{"two_in_one_record", [](Connection& connection,
                                                const Bytes& stream) { connection.write(stream); }},
                    Cut{"octet_by_octet",
                        [](Connection& connection, const Bytes& stream) {
                          for (const std::byte octet : stream) connection.write({octet});
                        }},
                    Cut{"within_the_second_prefix",
                        [](Connection& connection, const Bytes& stream) {
                          const auto cut =
                              stream.begin() + static_cast<std::ptrdiff_t>(stream.size() / 2 + 1);
                          connection.write(Bytes(stream.begin(), cut));
                          connection.write(Bytes(cut, stream.end()));
                        }}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(WorkerAnswers, LargestMessageIsTaken) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       MessageBuilder builder = MessageBuilder().id(id_of(*query)).flags(0x8180);
                       builder.question(name_in(*query), dns::Type::A);
                       // 16 octets each, so this ends within a record's length of 65,535.
                       const size_t count = (dns::kMaxMessage - builder.size()) / 16;
                       for (size_t i = 0; i < count; ++i)
                         builder.answer(a_record(pointer_to_question(), 60, {192, 0, 2, 9}));
                       connection.send(builder.build());
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.9");
}

TEST(WorkerAnswers, UnknownIdEndsTheSession) {
  DotServer bad(good_identity(), {.script = [](Connection& connection) {
                  while (const auto query = connection.read_query()) {
                    Bytes answer = answer_to(*query, 300, {192, 0, 2, 66});
                    base::store_be16(answer.data(), static_cast<uint16_t>(id_of(answer) + 1));
                    connection.send(answer);
                  }
                }});
  DotServer good(good_identity());
  backends::BackendSettings second = backend_at(good.endpoint(), "good");
  second.order = 2;
  WorkerRig rig({backend_at(bad.endpoint(), "bad"), second});
  ASSERT_TRUE(
      eventually([&] { return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1; }));
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(rig.failures(backends::Failure::Mismatch, 0), 1u);
  EXPECT_EQ(rig.backend(0).up.read(), 1u) << "the connection is sound";
}

/// "odd" in front of a name makes the server answer it as `odd` says; other names are answered
/// rightly, those under "held" only once `open` is set.
Script odd_if_asked(std::function<Bytes(const Bytes& query)> odd, const std::atomic<bool>& open) {
  return [odd = std::move(odd), &open](Connection& connection) {
    std::vector<Bytes> held;
    while (const auto query = connection.read_query()) {
      const std::string label = label_in(*query);
      if (label.starts_with("odd")) {
        connection.send(odd(*query));
      } else if (label.starts_with("held") && !open) {
        held.push_back(*query);
      } else {
        connection.send(answer_to(*query));
      }
      if (!open) continue;
      for (const Bytes& waiting : std::exchange(held, {})) connection.send(answer_to(waiting));
    }
  };
}

Bytes to_another_question(const Bytes& query) {
  return MessageBuilder()
      .id(id_of(query))
      .flags(0x8180)
      .question("victim.example.", dns::Type::A)
      .answer(a_record(pointer_to_question(), 300, {192, 0, 2, 66}))
      .build();
}

Bytes with_another_id(const Bytes& query) {
  Bytes answer = answer_to(query, 300, {192, 0, 2, 66});
  base::store_be16(answer.data(), static_cast<uint16_t>(id_of(answer) + 1000));
  return answer;
}

TEST(WorkerAnswers, WrongQuestionFailsThatQueryAlone) {
  std::atomic<bool> open{false};
  DotServer server(good_identity(), {.script = odd_if_asked(to_another_question, open)});
  WorkerRig rig({backend_at(server.endpoint())});
  constexpr int kInnocent = 20;
  for (int i = 0; i < kInnocent; ++i) rig.ask("held" + std::to_string(i) + ".example.", 1);
  EXPECT_EQ(rig.resolve("odd.example.").ede, dns::Ede::NetworkError);
  open = true;
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  for (int i = 0; i < kInnocent; ++i) EXPECT_EQ(address_in(rig.next_fill(1)), "192.0.2.1");
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_EQ(server.seen().size(), kInnocent + 2u) << "the odd one is not asked there again";
  EXPECT_EQ(rig.failures(backends::Failure::Mismatch), 1u);
  EXPECT_EQ(rig.cached("victim.example."), nullptr);
}

TEST(WorkerAnswers, OneWrongQuestionAfterTheOtherEndsTheSession) {
  const std::atomic<bool> open{true};
  DotServer server(good_identity(), {.script = odd_if_asked(to_another_question, open)});
  WorkerRig rig({backend_at(server.endpoint())});
  auto ask_odd = [&, number = 0]() mutable {
    EXPECT_EQ(rig.resolve("odd" + std::to_string(number++) + ".example.").entry, nullptr);
  };
  for (unsigned i = 1; i < sessions::Session::kMostDisowned; ++i) ask_odd();
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");  // Begins the row anew.
  for (unsigned i = 1; i < sessions::Session::kMostDisowned; ++i) ask_odd();
  EXPECT_EQ(server.connections(), 1u);
  ask_odd();
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(server.connections(), 2u);
}

TEST(WorkerAnswers, UnknownIdOfOneNameMovesTheOthers) {
  std::atomic<bool> open{false};
  DotServer server(good_identity(), {.script = odd_if_asked(with_another_id, open)});
  WorkerRig rig({backend_at(server.endpoint())});
  constexpr int kInnocent = 20;
  for (int i = 0; i < kInnocent; ++i) rig.ask("held" + std::to_string(i) + ".example.", 1);
  ASSERT_TRUE(eventually([&] { return server.seen().size() == kInnocent; }));
  open = true;
  EXPECT_EQ(rig.resolve("odd.example.").ede, dns::Ede::NetworkError);
  for (int i = 0; i < kInnocent; ++i) EXPECT_EQ(address_in(rig.next_fill(1)), "192.0.2.1");
  EXPECT_LE(server.connections(), 2u);
  EXPECT_LE(server.seen().size(), 2 * kInnocent + 1u) << "the odd one is not asked there again";
}

TEST(WorkerAnswers, UnknownIdsDoNotKeepSessionsFromBeingOpened) {
  const std::atomic<bool> open{true};
  DotServer server(good_identity(), {.script = odd_if_asked(with_another_id, open)});
  WorkerRig rig({backend_at(server.endpoint())});
  // Nobody asks anything else, so that each of them is its session's first query.
  constexpr int kOdd = 10;
  for (int i = 0; i < kOdd; ++i)
    EXPECT_EQ(rig.resolve("odd" + std::to_string(i) + ".example.").entry, nullptr);
  const base::Time before = base::Clock::now();
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_LT(base::Clock::now() - before, base::seconds(2)) << "the back-off would be at 10 s";
  EXPECT_EQ(rig.backend().queries.read(), kOdd + 1u);
}

TEST(WorkerAnswers, WrongQuestionIsAnsweredByAnotherBackendAndNeverKept) {
  DotServer bad(
      good_identity(), {.script = [](Connection& connection) {
        while (const auto query = connection.read_query()) {
          connection.send(MessageBuilder()
                              .id(id_of(*query))
                              .flags(0x8180)
                              .question("victim.example.", dns::Type::A)
                              .answer(a_record(pointer_to_question(), 300, {192, 0, 2, 66}))
                              .build());
        }
      }});
  DotServer good(good_identity());
  backends::BackendSettings second = backend_at(good.endpoint(), "good");
  second.order = 2;
  WorkerRig rig({backend_at(bad.endpoint(), "bad"), second});
  ASSERT_TRUE(
      eventually([&] { return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1; }));
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(rig.failures(backends::Failure::Mismatch, 0), 1u);
  EXPECT_EQ(rig.cached("victim.example."), nullptr);
}

TEST(WorkerAnswers, DuplicateAnswerIsIgnored) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       for (int i = 0; i < 2; ++i) connection.send(answer_to(*query));
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
  }
  EXPECT_EQ(rig.backend().failures.total(), 0u);
  EXPECT_EQ(server.connections(), 1u);
}

TEST(WorkerAnswers, DuplicateIdWithAnotherQuestionEndsTheSession) {
  DotServer server(
      good_identity(), {.script = [](Connection& connection) {
        while (const auto query = connection.read_query()) {
          connection.send(answer_to(*query));
          if (connection.number() > 0) continue;
          connection.send(MessageBuilder()
                              .id(id_of(*query))
                              .flags(0x8180)
                              .question("victim.example.", dns::Type::A)
                              .answer(a_record(pointer_to_question(), 300, {192, 0, 2, 66}))
                              .build());
        }
      }});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_TRUE(eventually([&] { return rig.failures(backends::Failure::Mismatch) == 1; }));
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(rig.cached("victim.example."), nullptr);
  EXPECT_EQ(server.connections(), 2u);
}

TEST(WorkerAnswers, MoreDuplicatesThanQueriesEndTheSession) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       const int answers = connection.number() == 0 ? 3 : 1;
                       for (int i = 0; i < answers; ++i) connection.send(answer_to(*query));
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_TRUE(eventually([&] { return rig.failures(backends::Failure::Mismatch) == 1; }));
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
}

TEST(WorkerAnswers, AThousandShuffledAndDuplicatedFindTheirQuestionsOnTwoSessions) {
  constexpr unsigned kInFlight = 500;
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     std::vector<Bytes> answers;
                     while (const auto query = connection.read_query()) {
                       const auto number = static_cast<unsigned>(std::stoul(label_in(*query)));
                       const std::array<int, 4> address = {10, 0, static_cast<int>(number / 256),
                                                           static_cast<int>(number % 256)};
                       for (int i = 0; i < 2; ++i)
                         answers.push_back(answer_to(*query, 300, address));
                       if (answers.size() < 2 * kInFlight) continue;
                       std::shuffle(answers.begin(), answers.end(), std::mt19937(1));
                       for (const Bytes& answer : answers) connection.send(answer);
                       answers.clear();
                     }
                   }});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.max_in_flight = kInFlight;
  settings.query_timeout = kPatience;
  WorkerRig rig({.sessions_per_backend = 2}, {settings});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 2; }));
  std::map<uint32_t, unsigned> asked;  // The name's number by the ticket's slot.
  for (unsigned i = 0; i < 2 * kInFlight; ++i)
    asked[rig.ask(std::to_string(i) + ".example.").slot] = i;
  for (unsigned i = 0; i < 2 * kInFlight; ++i) {
    const exchange::Fill fill = rig.next_fill();
    const unsigned number = asked.at(fill.ticket.slot);
    EXPECT_EQ(address_in(fill),
              "10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256));
  }
  EXPECT_EQ(rig.backend().failures.total(), 0u);
  EXPECT_EQ(server.connections(), 2u);
}

TEST(WorkerAnswers, LateAnswerToAQueryGivenUpIsForTheCacheAlone) {
  DotServer slow(good_identity(), {.script = [](Connection& connection) {
                   std::optional<Bytes> held;
                   while (const auto query = connection.read_query()) {
                     const bool first = name_in(*query) == wire_name("held.example.");
                     if (first) {
                       held = query;
                       continue;
                     }
                     // Other answers keep the session alive; the held one comes after everybody has
                     // given up.
                     connection.send(answer_to(*query));
                     if (held && name_in(*query) == wire_name("late.example."))
                       connection.send(answer_to(*held));
                   }
                 }});
  backends::BackendSettings settings = backend_at(slow.endpoint());
  settings.query_timeout = base::milliseconds(400);
  WorkerRig rig({settings});
  const exchange::Ticket held = rig.ask("held.example.", 0, base::milliseconds(600));
  bool given_up = false;
  for (int i = 0; !given_up && i < 10'000; ++i) {
    rig.ask("n" + std::to_string(i) + ".example.");
    const exchange::Fill fill = rig.next_fill();
    if (fill.ticket == held) {
      EXPECT_EQ(fill.entry, nullptr);
      EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
      given_up = true;
    }
  }
  ASSERT_TRUE(given_up);
  EXPECT_EQ(address_in(rig.resolve("late.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("after.example.")), "192.0.2.1");
  EXPECT_EQ(rig.failures(backends::Failure::Deadline), 1u);
  EXPECT_EQ(rig.failures(backends::Failure::Mismatch), 0u);
  EXPECT_EQ(slow.connections(), 1u);
  EXPECT_TRUE(rig.no_fill_waits());
  EXPECT_NE(rig.cached("held.example."), nullptr);
  EXPECT_EQ(rig.worker().counters().late_answers.read(), 1u);
}

TEST(WorkerAnswers, QueriesArePaddedAndOnlyTheFirstAsksForKeepalive) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  for (size_t size = 3; size <= 255; size += 7) {
    rig.ask(dns::make_question(name_of_size(size), dns::Type::A, dns::Class::In,
                               dns::Wants::DnssecOk, dns::PoolId{}));
    EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  }
  bool first = true;
  for (const DotServer::Seen& seen : server.seen()) {
    EXPECT_EQ(seen.query.size() % dns::kPaddingBlock, 0u);
    EXPECT_EQ(has_option(seen.query, dns::option::kKeepalive), first);
    first = false;
  }
  EXPECT_EQ(server.connections(), 1u);
}

TEST(WorkerAnswers, IdsAreNeverUsedTwiceInASession) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  // More than one session may carry, so a replacement takes over while queries are under way.
  constexpr int kQueries = 33'000;
  constexpr int kAtOnce = 150;
  int answered = 0;
  for (int asked = 0; asked < kQueries; ++asked) {
    rig.ask("n" + std::to_string(asked) + ".example.");
    if (asked - answered >= kAtOnce) answered += rig.next_fill().entry != nullptr ? 1 : 0;
  }
  while (answered < kQueries) {
    if (rig.next_fill().entry == nullptr) break;
    ++answered;
  }
  EXPECT_EQ(answered, kQueries);
  std::map<unsigned, std::set<uint16_t>> ids;
  for (const DotServer::Seen& seen : server.seen()) {
    EXPECT_TRUE(ids[seen.connection].insert(id_of(seen.query)).second);
  }
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

TEST(WorkerAnswers, NoMoreThanAllowedAreInFlight) {
  std::atomic<bool> go{false};
  DotServer server(good_identity(), {.script = [&](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       while (!go) std::this_thread::yield();
                       connection.send(answer_to(*query));
                     }
                   }});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.max_in_flight = 7;
  WorkerRig rig({settings});
  for (int i = 0; i < 50; ++i) rig.ask("n" + std::to_string(i) + ".example.");
  ASSERT_TRUE(eventually([&] {
    return rig.worker().counters().questions.read() == 50 && rig.backend().in_flight.read() > 0;
  }));
  EXPECT_EQ(rig.backend().in_flight.read(), 7u);
  go = true;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
}

TEST(WorkerAnswers, MissBeyondTheTableIsFailed) {
  DotServer server(good_identity(), {.script = answer_none});
  WorkerRig rig({.max_questions = 8}, {backend_at(server.endpoint())});
  for (int i = 0; i < 9; ++i) rig.ask("n" + std::to_string(i) + ".example.");
  const exchange::Fill fill = rig.next_fill();
  EXPECT_EQ(fill.entry, nullptr);
  EXPECT_EQ(fill.ede, dns::Ede::NetworkError);
  EXPECT_EQ(rig.worker().counters().questions_full.read(), 1u);
}

TEST(WorkerAnswers, StopFailsWhatIsOpen) {
  DotServer server(good_identity(), {.script = answer_none});
  WorkerRig rig({backend_at(server.endpoint())});
  for (unsigned i = 0; i < 10; ++i) rig.ask("n" + std::to_string(i) + ".example.", i % 2);
  ASSERT_TRUE(eventually([&] { return server.seen().size() == 10; }));
  rig.stop();
  for (unsigned i = 0; i < 10; ++i) EXPECT_EQ(rig.next_fill(i % 2).entry, nullptr);
  EXPECT_EQ(rig.backend().sessions.read(), 0u);
  EXPECT_EQ(rig.backend().in_flight.read(), 0u);
}

}  // namespace
}  // namespace tests
