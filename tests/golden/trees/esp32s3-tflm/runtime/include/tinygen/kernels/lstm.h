// UNIDIRECTIONAL_SEQUENCE_LSTM: int8 or int16 input and hidden state, int16 cell state.
#pragma once
#include <cstdint>

#include "tinygen/kernels/int16_requantize.h"
#include "tinygen/kernels/requantize.h"
#include "tinygen/kernels/sigmoid.h"
#include "tinygen/kernels/typed.h"

namespace tinygen::kernels {

inline std::int32_t clamp_int16(std::int32_t value) {
  return clamp(value, -32768, 32767);
}

// A gate's activation from its two sums, already scaled to Q3.12. `gate`: 0 input, 1 forget, 2 cell, 3 output.
inline std::int32_t lstm_gate(std::int32_t own, std::int32_t back, std::int32_t gate, const std::uint16_t* table) {
  const std::int32_t spread = 3 * clamp_int16(clamp_int16(own) + clamp_int16(back));
  return gate == 2 ? tanh_q15(table, spread) : sigmoid_q15(table, spread);
}

// The new state of a cell; returns its output.
// P: output_zero_point, act_min, act_max, tanh_multiplier, tanh_shift, cell_clip (32768: none), and multiplier and
// shift of the products forget, input, output.
template <typename P>
inline std::int32_t lstm_cell(const std::int32_t (&gates)[4], Int16& cell, const std::uint16_t* table) {
  constexpr std::int32_t kRounding = P::tanh_shift > 0 ? (1 << P::tanh_shift) >> 1 : 0;
  const std::int32_t kept = multiply_by_multiplier(gates[1] * cell, P::forget_multiplier, P::forget_shift);
  const std::int32_t added = multiply_by_multiplier(gates[0] * gates[2], P::input_multiplier, P::input_shift);
  std::int32_t value = clamp_int16(clamp_int16(kept) + clamp_int16(added));
  if (P::cell_clip <= 32767) value = clamp(value, -P::cell_clip, P::cell_clip);
  cell = static_cast<std::int16_t>(value);
  const std::int32_t shown = tanh_q15(table, (value * P::tanh_multiplier + kRounding) >> P::tanh_shift);
  const std::int32_t product = multiply_by_multiplier(gates[3] * shown, P::output_multiplier, P::output_shift);
  return clamp(product, P::act_min - P::output_zero_point, P::act_max - P::output_zero_point) + P::output_zero_point;
}

// The sums of int8 start with a bias each; those of int16 have no zero points, so the recurrent one starts at 0.
template <typename P, typename Value, typename Sum>
inline void lstm_steps(const Value* input, Value* hidden, Int16* cell, Value* output, const std::int8_t* weights,
                       const Sum* bias, const std::int32_t* multiplier, const std::int8_t* shift,
                       const std::uint16_t* sigmoid_table) {
  constexpr bool kTwoBiases = sizeof(Sum) == sizeof(std::int32_t);
  for (std::int32_t step = 0; step < P::steps; ++step) {
    const std::int8_t* w = weights;
    const Sum* b = bias;
    for (std::int32_t c = 0; c < P::cells; ++c) {
      std::int32_t gates[4];
      for (std::int32_t gate = 0; gate < 4; ++gate) {
        Sum own = *b++;
        Sum back = kTwoBiases ? *b++ : 0;
        for (std::int32_t i = 0; i < P::in_c; ++i) own += static_cast<std::int32_t>(input[i]) * w[i];
        w += P::in_c;
        for (std::int32_t i = 0; i < P::cells; ++i) back += static_cast<std::int32_t>(hidden[i]) * w[i];
        w += P::cells;
        gates[gate] = lstm_gate(scaled_sum(own, multiplier[2 * gate], shift[2 * gate]),
                                scaled_sum(back, multiplier[2 * gate + 1], shift[2 * gate + 1]), gate, sigmoid_table);
      }
      output[c] = static_cast<Value>(lstm_cell<P>(gates, cell[c], sigmoid_table));
    }
    // The gates of all cells have read the old hidden state by now.
    for (std::int32_t c = 0; c < P::cells; ++c) hidden[c] = output[c];
    input += P::in_c;
    output += P::cells;
  }
}

// P: steps, in_c, cells and what lstm_cell wants. weights: [cells, 4 gates, in_c + cells], bias: [cells, 4, 2],
// multiplier and shift: [4, 2], for the input and the recurrent part.
template <typename P>
void unidirectional_sequence_lstm_int8_generic(const std::int8_t* input, std::int8_t* hidden, Int16* cell,
                                               std::int8_t* output, const std::int8_t* weights,
                                               const std::int32_t* bias, const std::int32_t* multiplier,
                                               const std::int8_t* shift, const std::uint16_t* sigmoid_table) {
  lstm_steps<P>(input, hidden, cell, output, weights, bias, multiplier, shift, sigmoid_table);
}

// As for int8, but bias: [cells, 4], and multiplier and shift those of 64-bit sums.
template <typename P>
void unidirectional_sequence_lstm_int16_generic(const Int16* input, Int16* hidden, Int16* cell, Int16* output,
                                                const std::int8_t* weights, const std::int64_t* bias,
                                                const std::int32_t* multiplier, const std::int8_t* shift,
                                                const std::uint16_t* sigmoid_table) {
  lstm_steps<P>(input, hidden, cell, output, weights, bias, multiplier, shift, sigmoid_table);
}

}  // namespace tinygen::kernels
