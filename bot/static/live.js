// Replaces the page's content with what the server sends; the address stands in the page.
const main = document.querySelector("main");
new EventSource(main.dataset.events).onmessage = (event) => { main.innerHTML = event.data; };
