// UNIDIRECTIONAL_SEQUENCE_LSTM, Cortex-M with DSP: the four gates of a cell are four outputs of a fully connected
// layer.
#pragma once
#include <cstdint>

#include "tinygen/kernels/dsp/fully_connected.h"
#include "tinygen/kernels/lstm.h"

namespace tinygen::kernels {
namespace dsp {

// The sums of the four gates, scaled. `channels`: one Channel for each gate, without a zero point in its offset.
inline void scaled_gates(const DenseSums& s, const std::int32_t* bias, const Channel* channels, std::int32_t (&to)[4]) {
  const std::int32_t sums[4] = {s.low0, difference(s.raw0, s.low0) >> 8, s.low1, difference(s.raw1, s.low1) >> 8};
#pragma GCC unroll 4
  for (std::int32_t gate = 0; gate < 4; ++gate) {
    const Channel& c = channels[gate];
    to[gate] = scaled_fast(2 * (sums[gate] + bias[gate]), c.multiplier, c.offset, c.shift);
  }
}

}  // namespace dsp

// P: as the generic kernel; in_c and cells are multiples of 4. weights: of each cell the four gates' for the input,
// then those for the hidden state, as in fully_connected.h. bias: [cells, 2 parts, 4 gates]. channels: [2 parts, 4
// gates].
template <typename P>
void unidirectional_sequence_lstm_int8_dsp(const std::int8_t* input, std::int8_t* hidden, Int16* cell,
                                           std::int8_t* output, const std::int8_t* weights, const std::int32_t* bias,
                                           const std::int32_t* channels, const std::uint16_t* sigmoid_table) {
  const dsp::Channel* const scales = dsp::channels_of(channels);
  for (std::int32_t step = 0; step < P::steps; ++step) {
    const auto* w = reinterpret_cast<const dsp::Word*>(weights);
    const std::int32_t* b = bias;
    for (std::int32_t c = 0; c < P::cells; ++c) {
      dsp::DenseSums from_input;
      dsp::DenseSums from_hidden;
      w = dsp::dense_sums(w, input, P::in_c / 4, from_input);
      w = dsp::dense_sums(w, hidden, P::cells / 4, from_hidden);
      std::int32_t own[4];
      std::int32_t back[4];
      dsp::scaled_gates(from_input, b, scales, own);
      dsp::scaled_gates(from_hidden, b + 4, scales + 4, back);
      b += 8;
      std::int32_t gates[4];
#pragma GCC unroll 4
      for (std::int32_t gate = 0; gate < 4; ++gate) {
        gates[gate] = lstm_gate(own[gate], back[gate], gate, sigmoid_table);
      }
      output[c] = static_cast<std::int8_t>(lstm_cell<P>(gates, cell[c], sigmoid_table));
    }
    // The gates of all cells have read the old hidden state by now.
    for (std::int32_t c = 0; c < P::cells; ++c) hidden[c] = output[c];
    input += P::in_c;
    output += P::cells;
  }
}

}  // namespace tinygen::kernels
