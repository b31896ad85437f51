// Replaces the page's content with what the server sends, and keeps the reader's place in it. The address
// stands in the page; none where nothing changes any more. The server ends it with status 204.
const main = document.querySelector("main");
if (main.dataset.events) {
  new EventSource(main.dataset.events).onmessage = (event) => {
    const focused = document.activeElement?.getAttribute("href");
    main.innerHTML = event.data;
    if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
}
