// This room's readers as the process's decoder of pictures, for the operator ImageDecoder.
#pragma once

namespace onward::apps {

// For the start of a program. Throws onward::Error where memory runs out.
void use_image_decoder();

}  // namespace onward::apps
