// What a browser answers to an offer, reduced to what is needed of it: where
// text of a peer ends. The description that goes on is written here, from our
// offer and a few checked words of the answer.
#pragma once

#include <string>
#include <string_view>

#include "tae/status.h"

namespace preview::webrtc {

// `offer`: ours, with one video. `answer`: SDP from anybody. Returns an SDP
// with the answer's ICE credentials and certificate. Its candidates are left
// out, so that no address is ever contacted because a peer named it; a browser
// comes to us. `take_candidates` keeps those that are well-formed, 32 at most.
// Errors: kInvalidArgument, what is missing.
tae::StatusOr<std::string> ReduceAnswer(std::string_view offer,
                                        std::string_view answer,
                                        bool take_candidates);

// The same of the body of a request, {"sdp": answer}.
tae::StatusOr<std::string> ReadAnswer(std::string_view offer,
                                      std::string_view body,
                                      bool take_candidates);

}  // namespace preview::webrtc
