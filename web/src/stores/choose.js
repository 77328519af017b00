import { ServerStore } from "./server.js";
import { LocalStore } from "./local.js";
import { DownloadPlace } from "./download.js";
import { JatosPlace, jatosParameters } from "./jatos.js";

// {store, parameters} for what the page says of itself in <html data-store>: "server", "web" or "jatos".
export async function chooseStore(window, storage, waiting) {
  const parameters = new URLSearchParams(window.location.search);
  const kind = window.document.documentElement.dataset.store;
  if (kind === "web") return { store: new LocalStore(new DownloadPlace(storage), parameters), parameters };
  if (kind === "jatos") {
    const { jatos } = window;
    await new Promise((resolve) => jatos.onLoad(resolve));
    const asked = jatosParameters(jatos);
    return { store: new LocalStore(new JatosPlace(jatos), asked), parameters: asked };
  }
  return { store: new ServerStore(waiting), parameters };
}
