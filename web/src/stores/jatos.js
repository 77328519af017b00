// Keeps a person's lines as JATOS's result data, and the progress in its study session, which a reload survives.
export class JatosPlace {
  constructor(jatos) {
    this.jatos = jatos;
  }

  async read() {
    return this.jatos.studySessionData?.progress ?? null;
  }

  async write(line, progress) {
    await this.jatos.appendResultData(`${JSON.stringify(line)}\n`);
    await this.jatos.setStudySessionData({ ...this.jatos.studySessionData, progress });
  }

  // JATOS sends everything that still waits, and then knows itself where a person goes.
  async finish(line, progress) {
    await this.write(line, progress);
    this.jatos.endStudy(true, progress.ended);
    return { completion_url: null, download: null };
  }

  file() {
    return null; // JATOS has it
  }

  // JATOS deletes what an aborted study sent.
  async withdraw() {
    await this.jatos.abortStudy("withdrawn by the person", false);
  }
}

// Whom JATOS, or the service that sent the person to it, names.
export function jatosParameters(jatos) {
  return new URLSearchParams(jatos.urlQueryParameters ?? {});
}
