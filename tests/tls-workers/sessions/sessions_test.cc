// One backend's sessions over hours, with a clock that the test turns and a real server.
#include "tls-workers/sessions/sessions.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

class SessionsRig {
 public:
  explicit SessionsRig(unsigned per_backend)
      : sessions_(
            {.backend = 0, .worker = 0, .per_backend = per_backend, .epoll = epoll_, .seed = 7},
            std::make_shared<backends::SharedBackend>(backend_at(server_.endpoint()), 1, now_),
            tickets_) {}
  ~SessionsRig() {
    for (sessions::Session& session : sessions_.all()) session.close();
    close(epoll_);
  }
  SessionsRig(const SessionsRig&) = delete;
  SessionsRig& operator=(const SessionsRig&) = delete;

  /// One turn of a worker while clients go on asking.
  void turn() {
    std::array<epoll_event, 16> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), 1);
    for (int i = 0; i < count; ++i) {
      auto* session = static_cast<sessions::Session*>(events[static_cast<size_t>(i)].data.ptr);
      const bool was_ready = session->ready();
      session->advance(now_);
      if (!was_ready && session->ready()) sessions_.became_ready(*session);
      while (session->hear(now_)) continue;
    }
    for (sessions::Session& session : sessions_.all()) {
      if (!session.has_room() || session.waiting() > 0) continue;
      session.ask(question_for("www.example."), {}, sessions::Purpose::Serve, now_);
      session.flush();
      sessions_.asked(now_);
    }
    sessions_.tend(now_);
  }
  [[nodiscard]] bool has_ready(unsigned wanted) {
    return eventually([&] {
      turn();
      return sessions_.counters().sessions.read() == wanted;
    });
  }
  void wait(base::Duration time) { now_ += time; }

  [[nodiscard]] const DotServer& server() const { return server_; }
  [[nodiscard]] sessions::Sessions& sessions() { return sessions_; }
  [[nodiscard]] base::Time now() const { return now_; }

 private:
  DotServer server_{good_identity()};
  transport::Tickets tickets_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  base::Time now_ = base::Clock::now();
  sessions::Sessions sessions_;
};

TEST(Sessions, AreKeptWhileThereIsTraffic) {
  SessionsRig rig(2);
  ASSERT_TRUE(rig.has_ready(2));
  for (int i = 0; i < 60; ++i) {
    rig.wait(base::seconds(5));
    rig.turn();
  }
  EXPECT_EQ(rig.server().connections(), 2u);
}

TEST(Sessions, ForgetHowSlowTheyWereLongAgo) {
  SessionsRig rig(1);
  ASSERT_TRUE(rig.has_ready(1));
  rig.sessions().answered(rig.sessions().all().front(), base::milliseconds(700), rig.now());
  EXPECT_GE(rig.sessions().candidate(0, rig.now()).latency, base::milliseconds(700));
  rig.wait(sessions::Sessions::kLatencyLife);
  EXPECT_EQ(rig.sessions().candidate(0, rig.now()).latency, base::Duration{});
  rig.sessions().answered(rig.sessions().all().front(), base::milliseconds(5), rig.now());
  EXPECT_EQ(rig.sessions().candidate(0, rig.now()).latency, base::milliseconds(5));
}

TEST(Sessions, AreReplacedWhenTheyHaveLivedLong) {
  SessionsRig rig(2);
  ASSERT_TRUE(rig.has_ready(2));
  rig.wait(sessions::Sessions::kLongestLife * 3 / 2);
  // The new ones are there before the old ones go.
  ASSERT_TRUE(eventually([&] {
    rig.turn();
    EXPECT_NE(rig.sessions().session_with_room(0, rig.now()), nullptr);
    return rig.server().connections() == 4;
  }));
  EXPECT_TRUE(rig.has_ready(2));
  EXPECT_EQ(rig.server().connections(), 4u);
  EXPECT_EQ(rig.sessions().counters().failures.total(), 0u);
}

TEST(Sessions, AreReplacedBeforeTheServerClosesThem) {
  SessionsRig rig(2);
  ASSERT_TRUE(rig.has_ready(2));
  // Three times, both live for a second and are closed by the server then, each time after more
  // answers, or it would be their number that ends them.
  uint64_t most = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(eventually([&] {
      rig.turn();
      return std::ranges::all_of(rig.sessions().all(), [&](const sessions::Session& session) {
        return !session.ready() || session.answers() > most;
      });
    }));
    rig.wait(base::seconds(1));
    for (sessions::Session& session : rig.sessions().all()) {
      if (!session.ready()) continue;
      most = std::max(most, session.answers());
      session.fail(backends::Failure::Eof, "closed by the server");
      rig.sessions().ended(session, 1, rig.now());
      session.close();
    }
    ASSERT_TRUE(rig.has_ready(2));
  }
  const unsigned before = rig.server().connections();
  rig.wait(base::milliseconds(450));
  for (int i = 0; i < 50; ++i) rig.turn();
  EXPECT_EQ(rig.server().connections(), before) << "not before half of it is over";
  // Well before the second is over both have a successor, and never are there none.
  for (int i = 0; i < 45; ++i) {
    rig.wait(base::milliseconds(10));
    EXPECT_TRUE(eventually([&] {
      rig.turn();
      return rig.sessions().session_with_room(0, rig.now()) != nullptr;
    }));
  }
  EXPECT_TRUE(eventually([&] {
    rig.turn();
    return rig.server().connections() == before + 2;
  }));
}

TEST(Sessions, ThatAreUsedUpMakeRoomThoughNothingHasTakenOver) {
  SessionsRig rig(1);
  ASSERT_TRUE(rig.has_ready(1));
  // Three in a row are closed after the same number of answers.
  for (int i = 0; i < 3; ++i) {
    sessions::Session* open = nullptr;
    ASSERT_TRUE(eventually([&] {
      rig.turn();
      open = rig.sessions().session_with_room(0, rig.now());
      return open != nullptr && open->answers() >= 3;
    }));
    while (open->answers() < 5) rig.turn();
    open->fail(backends::Failure::Eof, "closed by the server");
    rig.sessions().ended(*open, 1, rig.now());
    open->close();
    rig.wait(base::milliseconds(300 * (i + 1)));
  }
  // More sessions than there are places for, one after the other.
  const unsigned before = rig.server().connections();
  EXPECT_TRUE(eventually([&] {
    rig.turn();
    return rig.server().connections() > before + 40;
  }));
}

TEST(Sessions, AreNotReplacedTogether) {
  constexpr unsigned kSessions = 24;  // All on one side of the middle: once in 2^23 runs.
  SessionsRig rig(kSessions);
  ASSERT_TRUE(rig.has_ready(kSessions));
  rig.wait(sessions::Sessions::kLongestLife * 5 / 4);
  for (int i = 0; i < 200; ++i) rig.turn();
  EXPECT_GT(rig.server().connections(), kSessions);
  EXPECT_LT(rig.server().connections(), 2 * kSessions);
}

}  // namespace
}  // namespace tests
