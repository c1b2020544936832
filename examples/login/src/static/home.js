document.querySelector("#enter").addEventListener("submit", (event) => {
  event.preventDefault();
  location.href = `/rooms/${document.querySelector("#room").value}/`;
});
