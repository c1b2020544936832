// Asks for a name.

/** Resolves to a name; to the current one if the question is dismissed. */
export function askName(current) {
  const dialog = document.getElementById("naming");
  const name = dialog.querySelector("input");
  name.value = current;
  dialog.querySelector("[value=keep]").hidden = current === "";
  dialog.returnValue = "";
  dialog.showModal();
  name.select();
  return new Promise((resolve) => {
    const dismiss = (event) => current === "" && event.preventDefault();
    dialog.addEventListener("cancel", dismiss);
    const closed = () => {
      const chosen = dialog.returnValue === "use" ? name.value.trim() : current;
      // A browser may close a dialog on the second Escape whatever the page says.
      if (chosen === "") return dialog.showModal();
      dialog.removeEventListener("cancel", dismiss);
      dialog.removeEventListener("close", closed);
      resolve(chosen);
    };
    dialog.addEventListener("close", closed);
  });
}
