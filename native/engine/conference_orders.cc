// Orders about conferences: who is in one, and how. What is in a conference is Conferences'; here
// stands what becomes of a leg's other connections.
#include "engine/media_thread.h"
#include "io/clock.h"

namespace trunkyard::engine {

using contract::Code;

void MediaThread::open_conference(const contract::OpenConferenceOrder& order) noexcept {
  contract::ConferenceOpenedEvent event;
  event.order = order.order;
  Handle conference;
  const Code code = conferences_.open(io::now(), order, conference);
  event.code = static_cast<std::uint16_t>(code);
  event.endpoint = conference.bits;
  if (code != Code::kOk) count(Counter::kOrdersRefused);
  CHECK(push_event(event, contract::EventKind::kConferenceOpened));
}

Code MediaThread::set_participant(const contract::SetParticipantOrder& order) noexcept {
  const Handle handle{order.endpoint};
  Leg* leg = legs_.find(handle);
  if (leg == nullptr) return Code::kHandleStale;
  if (leg->audio == nullptr || (leg->audio->receiver == nullptr && leg->audio->sender == nullptr)) {
    return Code::kOrderInvalid;
  }
  if (const Code code = conferences_.set_participant(order, handle, *leg); code != Code::kOk) {
    return code;
  }
  end_links(handle, *leg);
  relieve(*leg->audio);
  if (leg->audio->receiver != nullptr) take_digits(*leg);
  return Code::kOk;
}

void MediaThread::end_links(Handle handle, Leg& leg) noexcept {
  Leg* other = legs_.find(leg.endpoint.link_to());
  if (leg.endpoint.link().open()) {
    // What is down now was begun to be told by the link.
    leg.audio->press_told = leg.audio->press;
    change_link(leg, pipeline::Link());
  }
  if (other != nullptr && other != &leg && other->endpoint.link_to() == handle) {
    change_link(*other, pipeline::Link());
  }
}

Code MediaThread::close_conference(Handle handle) noexcept {
  if (RoomSound* sound = conferences_.sound(handle)) (void)sound->taps().pass_time(io::now());
  const Code code = conferences_.close(handle);
  // Those who were in it encode as ordered again.
  if (code == Code::kOk && load_gauge_.relief() > 0) relieve_encoders();
  return code;
}

Code MediaThread::leave_conference(Handle handle) noexcept {
  Leg* leg = legs_.find(handle);
  if (leg == nullptr) return Code::kHandleStale;
  if (!confers(*leg)) return Code::kOrderInvalid;
  conferences_.leave(*leg);
  relieve(*leg->audio);
  return Code::kOk;
}

}  // namespace trunkyard::engine
