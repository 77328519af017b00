// Sounds. The context is opened by a click: before one browsers keep it silent, and some warn.

const CALIBRATION_RMS = 0.1; // as the sounds of the study
const CALIBRATION_S = 2;

export class Sound {
  // To be called within a click.
  open() {
    this.context ??= new AudioContext();
    if (this.context.state !== "running") this.context.resume().catch(() => {});
  }

  decode(bytes) {
    return this.context.decodeAudioData(bytes);
  }

  // Plays once, beginning within a click; ends when the sound has.
  play(buffer) {
    this.open();
    return new Promise((resolve) => {
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      source.connect(this.context.destination);
      source.onended = () => resolve();
      source.start();
    });
  }

  // Noise with the slope of speech, at the level of the study's sounds, to set the volume by.
  calibration() {
    const rate = this.context.sampleRate;
    const buffer = this.context.createBuffer(1, Math.round(CALIBRATION_S * rate), rate);
    buffer.copyToChannel(pinkNoise(buffer.length, CALIBRATION_RMS), 0);
    return buffer;
  }
}

// Samples with a power of about 1/f: white noise, each octave held twice as long as the one above it.
export function pinkNoise(length, rms) {
  const samples = new Float32Array(length);
  const octaves = new Float32Array(12);
  for (let index = 0; index < length; index += 1) {
    for (let octave = 0; octave < octaves.length; octave += 1) {
      if (index % 2 ** octave === 0) octaves[octave] = Math.random() - 0.5;
    }
    samples[index] = octaves.reduce((sum, value) => sum + value, 0);
  }
  const mean = samples.reduce((sum, value) => sum + value, 0) / length;
  const power = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
  return samples.map((value) => ((value - mean) * rms) / Math.sqrt(power));
}
