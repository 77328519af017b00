"""Time-frequency representations of waveforms, through which gradients reach the waveform."""
