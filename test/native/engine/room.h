// Conferences of a running engine, for tests: their orders, and parties who sit in one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "native/engine/party.h"

namespace test::party {

inline constexpr std::uint8_t kGain0Db = 64;

struct Chair {
  contract::ParticipantRole role = contract::ParticipantRole::kTalk;
  std::uint32_t coached = 0;
  std::uint8_t gain = kGain0Db;
  bool levelled = false;
  bool pass_digits = false;
};

struct RoomWishes {
  std::uint32_t affinity = 0;
  std::uint16_t capacity = 16;
  std::uint8_t rate_khz = 16;
  std::uint32_t part_of = 0;
};

inline AnyEvent open_conference(Rig& rig, const RoomWishes& wishes = {}) {
  contract::OpenConferenceOrder order;
  order.affinity = wishes.affinity;
  order.capacity = wishes.capacity;
  order.rate_khz = wishes.rate_khz;
  order.part_of = wishes.part_of;
  CHECK(rig.submit(contract::OrderKind::kOpenConference, order));
  const AnyEvent event = rig.answer();
  CHECK(event.kind() == contract::EventKind::kConferenceOpened);
  return event;
}
inline contract::Code close_conference(Rig& rig, std::uint32_t conference) {
  contract::CloseConferenceOrder order;
  order.endpoint = conference;
  CHECK(rig.submit(contract::OrderKind::kCloseConference, order));
  return rig.answer().code();
}
inline contract::SetParticipantOrder participant_order(std::uint32_t endpoint,
                                                       std::uint32_t conference,
                                                       const Chair& chair = {}) {
  contract::SetParticipantOrder order;
  order.endpoint = endpoint;
  order.conference = conference;
  order.coached = chair.coached;
  order.role = static_cast<std::uint8_t>(chair.role);
  order.gain_db_above64 = chair.gain;
  order.levelled = chair.levelled ? 1 : 0;
  order.pass_digits = chair.pass_digits ? 1 : 0;
  return order;
}
inline contract::Code take_part(Rig& rig, const contract::SetParticipantOrder& order) {
  CHECK(rig.submit(contract::OrderKind::kSetParticipant, order));
  return rig.answer().code();
}
inline contract::Code take_part(Rig& rig, std::uint32_t endpoint, std::uint32_t conference,
                                const Chair& chair = {}) {
  return take_part(rig, participant_order(endpoint, conference, chair));
}
inline contract::Code leave_conference(Rig& rig, std::uint32_t endpoint) {
  contract::LeaveConferenceOrder order;
  order.endpoint = endpoint;
  CHECK(rig.submit(contract::OrderKind::kLeaveConference, order));
  return rig.answer().code();
}

/// A party, its leg, and whether it talks.
struct Guest {
  Guest(Rig& rig, const AudioWishes& wishes, double tone_hz, std::uint32_t affinity = 0)
      : party(wishes.voice, tone_hz), hz(tone_hz), leg(rig.open(affinity)) {
    CHECK(leg.code == contract::Code::kOk);
    CHECK(rig.update(leg.handle, {party.address(), {}, true}) == contract::Code::kOk);
    CHECK(set_audio(rig, leg.handle, wishes) == contract::Code::kOk);
  }
  void talk() {
    if (talks) party.peer.send(leg.rtp_port, party.next_packet());
    party.hear();
  }
  /// What it hears from now on counts.
  void forget() {
    party.heard.clear();
    party.packets = 0;
  }

  Party party;
  double hz;
  Opened leg;
  bool talks = true;
};

/// People who come into a conference with tones of their own, 300 Hz apart from 400 on.
class Guests {
 public:
  explicit Guests(Rig& rig) : rig_(rig) {}

  Guest& add(const AudioWishes& wishes, std::uint32_t conference, const Chair& chair = {},
             std::uint32_t affinity = 0) {
    const double hz = 400 + 310 * static_cast<double>(guests_.size());
    guests_.push_back(std::make_unique<Guest>(rig_, wishes, hz, affinity));
    CHECK(take_part(rig_, guests_.back()->leg.handle, conference, chair) == contract::Code::kOk);
    return *guests_.back();
  }
  void talk() {
    for (const auto& guest : guests_)
      guest->talk();
  }
  void talk_for(int frames) {
    int frame = 0;
    (void)in_real_time([&] { talk(); }, [&] { return ++frame == frames; });
  }
  void forget() {
    for (const auto& guest : guests_)
      guest->forget();
  }
  /// Whether everyone's ears come to hold exactly those whom `heard` names, in time.
  template <typename Heard>
  [[nodiscard]] bool come_to_hear(Heard&& heard) {
    return in_real_time([&] { talk(); },
                        [&] {
                          for (const auto& ear : guests_) {
                            for (const auto& source : guests_) {
                              if (hears_tone(ear->party, source->hz) != heard(*ear, *source))
                                return false;
                            }
                          }
                          return true;
                        },
                        kMeasureEvery);
  }
  [[nodiscard]] Guest& operator[](std::size_t index) { return *guests_[index]; }
  [[nodiscard]] std::size_t size() const { return guests_.size(); }

 private:
  Rig& rig_;
  std::vector<std::unique_ptr<Guest>> guests_;
};

}  // namespace test::party
