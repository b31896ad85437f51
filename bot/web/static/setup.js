// The button takes what stands in the fields: the manifest and where it goes follow them.
const fields = document.forms.fields;
const post = document.querySelector('form[method="post"]');
if (post) {
  const first = fields.address.value;
  const manifest = post.elements.manifest.value;
  const action = new URL(post.action);
  const show = (id, words, yes) => {
    const place = document.getElementById(id);
    place.textContent = words;
    if (yes !== undefined) place.hidden = !yes;
  };
  fields.addEventListener("input", () => {
    const address = fields.address.value.trim().replace(/\/+$/, "");
    const organization = fields.organization.value.trim();
    const fits = /^https?:\/\/[\w.-]+(:\d+)?(\/[\w./-]*)?$/.test(address) && fields.checkValidity();
    const problem = /^https?:\/\//.test(address) ? "That is no address, or no name of an organisation."
      : "The address is no http(s) address.";
    show("problem", problem, !fits);
    post.querySelector("button").disabled = !fits;
    if (!fits) return;
    const told = JSON.parse(manifest, (_, value) =>
      typeof value === "string" && value.startsWith(first) ? address + value.slice(first.length) : value);
    post.elements.manifest.value = JSON.stringify(told);
    const whose = organization ? `/organizations/${encodeURIComponent(organization)}` : "";
    const path = action.pathname.replace(/(\/organizations\/[^/]+)?\/settings\/apps\/new$/, "");
    post.action = `${action.origin}${path}${whose}/settings/apps/new${action.search}`;
    show("events", `${address}/webhook`);
    show("owner", organization || "you");
    const { here, known } = document.getElementById("foreign").dataset;
    show("foreign", `This is not the address ${known}: events and the App's credentials `
      + `would go to ${address}. Go on only if that is this server, behind another name.`, address !== here);
    show("unencrypted", "Events would come unencrypted. Put a web server with TLS before this one.",
      address.startsWith("http://"));
  });
  // Enter in a field means the button as well.
  fields.addEventListener("submit", (event) => {
    event.preventDefault();
    post.requestSubmit();
  });
}
