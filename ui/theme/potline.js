// Watches the heartbeat from the browser's own side: a page whose server is gone must say so itself.
"use strict";
(() => {
  const SILENCE_MS = 3500;
  const FIRST_MS = 15000;
  let number = null;
  let heard = performance.now();
  let lost = false;

  const heartbeat = () => {
    const documents = window.Bokeh ? window.Bokeh.documents : [];
    for (const document_ of documents) {
      const model = document_.get_model_by_name("heartbeat");
      if (model !== null) return model.data;
    }
    return null;
  };

  const text = (id, value) => { document.getElementById(id).textContent = value; };
  const utc = (ms) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

  const announce = (silentMs) => {
    const banner = document.getElementById("link-lost");
    banner.hidden = !lost;
    document.body.classList.toggle("lost", lost);
    if (lost) {
      text("link-age", `Nothing has come from the control room's server for ` +
        `${Math.round(silentMs / 1000)} s. Everything below is old.`);
    }
  };

  const look = () => {
    const now = performance.now();
    const beat = heartbeat();
    if (beat !== null && beat.number[0] !== number) {
      number = beat.number[0];
      heard = now;
      text("plant-time", beat.t_plant_ms[0] > 0 ? utc(beat.t_plant_ms[0]) : "–");
      text("wall-time", utc(beat.now_ms[0]).slice(11));
      if (beat.who[0] !== "") {
        text("who", beat.who[0]);
        document.getElementById("log-in").hidden = beat.login[0] !== "in";
        document.getElementById("log-out").hidden = beat.login[0] !== "out";
      }
    }
    const silentMs = now - heard;
    lost = silentMs > (number === null ? FIRST_MS : SILENCE_MS);
    announce(silentMs);
  };

  // When a server answers again, this page's session is gone with the old one: load it afresh.
  const knock = async () => {
    if (!lost) return;
    const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
    if (answer !== null && lost) window.location.reload();
  };

  setInterval(look, 500);
  setInterval(knock, 2000);
})();
