// The sixteen categories, drawn for this page: 64 x 64, lines in the colour of the text; "f" fills.

const DRAWINGS = {
  knife: '<path d="M25 38 51 6c6 12 3 26-14 38z"/><path class="f" d="m24 39 9 7-15 14c-3 2-9-3-7-7z"/>',
  airplane:
    '<path class="f" d="M32 4c3 0 4 5 4 9v11l22 15v5l-22-7v13l7 5v4l-11-3-11 3v-4l7-5V37L6 44v-5l22-15V13c0-4 1-9 4-9z"/>',
  keyboard:
    '<rect x="3" y="17" width="58" height="31" rx="4"/><path d="M11 25h3m6 0h3m6 0h3m6 0h3m6 0h3M11 33h3m6 0h3m6 0h3m6 0h3m6 0h3M11 41h3m6 0h24m6 0h3"/>',
  elephant:
    '<path d="M20 15C9 6 2 13 3 25s9 18 17 13M44 15c11-9 18-2 17 10s-9 18-17 13"/><path d="M21 36c-3-12-1-24 11-25 12 1 14 13 11 25-1 4-5 5-6 8v6c0 3 4 4 6 1l4 3c-5 7-19 7-19-4v-6c-1-3-6-4-7-8zm4 6-4 6m18-6 3 5m-13-1h6"/><circle class="f" cx="27" cy="26" r="1.8"/><circle class="f" cx="37" cy="26" r="1.8"/>',
  bicycle:
    '<circle cx="14" cy="42" r="11"/><circle cx="50" cy="42" r="11"/><path d="m14 42 10-18h18L31 42zM31 42l-9-23m-5 0h10m23 23-9-25h8"/>',
  clock:
    '<circle cx="32" cy="32" r="27"/><path d="M32 15v17l11 8M32 5v4m0 46v4M5 32h4m46 0h4"/>',
  oven:
    '<rect x="9" y="5" width="46" height="52" rx="4"/><path d="M9 20h46M18 57v3m28-3v3M20 29h24"/><rect x="16" y="25" width="32" height="24" rx="3"/><circle class="f" cx="18" cy="13" r="2"/><circle class="f" cx="27" cy="13" r="2"/><circle class="f" cx="46" cy="13" r="2"/>',
  chair:
    '<path d="M18 36V6h28v30M25 6v30m7-30v30m7-30v30"/><path class="f" d="M13 36h38v6H13z"/><path d="M17 42v18m30-18v18M17 52h30"/>',
  bear:
    '<path d="M18 21c-8 2-13-10-5-13 6-3 10 1 11 5m22 8c8 2 13-10 5-13-6-3-10 1-11 5"/><circle cx="32" cy="34" r="22"/><ellipse cx="32" cy="43" rx="10" ry="8"/><path class="f" d="M28 39h8l-4 5z"/><circle class="f" cx="23" cy="29" r="2"/><circle class="f" cx="41" cy="29" r="2"/>',
  boat: '<path d="M6 44h52l-9 14H15zM32 5v39"/><path d="M36 9c10 8 15 18 17 29H36zM28 16 12 38h16z"/>',
  cat: '<path d="M11 7l12 9c6-2 12-2 18 0l12-9v27c0 15-9 23-21 23S11 49 11 34zM28 38h8l-4 4zm4 4v4m0 0c-3 3-6 2-7 0m7 0c3 3 6 2 7 0M4 37l11 2M3 46l12-2m45-7-11 2m12 7-12-2"/><circle class="f" cx="23" cy="29" r="2.2"/><circle class="f" cx="41" cy="29" r="2.2"/>',
  bottle:
    '<path d="M26 4h12v14c0 6 9 8 9 17v21c0 3-2 4-4 4H21c-2 0-4-1-4-4V35c0-9 9-11 9-17zM26 11h12M17 38h30M17 51h30"/>',
  truck:
    '<path d="M11 48H4V12h34v36H23m15-26h12l10 12v14h-5m-12 0H23m15-14h22"/><circle cx="17" cy="49" r="6"/><circle cx="49" cy="49" r="6"/>',
  car: '<path d="M11 45H5V34l9-3 8-13h20l9 13 8 3v11h-6m-12 0H23M14 31h37M31 18v13"/><circle cx="17" cy="46" r="6"/><circle cx="47" cy="46" r="6"/>',
  bird: '<path d="M49 19 60 22l-10 4c1 14-9 26-26 26-8 0-14-2-20-6 9-3 12-8 16-14 4-7 8-9 12-11 1-7 5-11 10-11s8 4 7 9zM20 43c10 1 17-4 20-12M25 52v8m9-10v10m-13 0h17"/><circle class="f" cx="42" cy="18" r="1.8"/>',
  dog: '<path d="M19 13c8-5 18-5 26 0 3 8 3 16 0 25-3 13-7 19-13 19s-10-6-13-19c-3-9-3-17 0-25z"/><path class="f" d="M19 13C8 12 4 21 6 34c1 6 7 6 9 1 2-7 3-13 4-22zm26 0c11-1 15 8 13 21-1 6-7 6-9 1-2-7-3-13-4-22z"/><path class="f" d="M27 38h10l-5 6z"/><path d="M32 44v5m-5 0c2 2 4 2 5 0 1 2 3 2 5 0"/><circle class="f" cx="26" cy="26" r="2"/><circle class="f" cx="38" cy="26" r="2"/>',
};

export const DRAWN = Object.keys(DRAWINGS);

// The icon of a category; of a choice that has none, nothing.
export function iconOf(choice) {
  const holder = document.createElement("span");
  holder.className = "drawing";
  const drawing = DRAWINGS[choice];
  if (drawing) holder.innerHTML = `<svg viewBox="0 0 64 64" aria-hidden="true">${drawing}</svg>`;
  return holder;
}
