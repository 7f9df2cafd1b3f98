// Puts the drawings themselves where the overview names their files, so that their boxes
// are links and the page needs no other file; adds the button that phones need.
(function () {
  function drawings(image) {
    var name = image.getAttribute("src").split(",").pop();
    return Object.prototype.hasOwnProperty.call(PIPELINES, name) ? PIPELINES[name] : null;
  }

  function place() {
    document.querySelectorAll('img[src$=".svg"]').forEach(function (image) {
      var drawing = drawings(image);
      if (drawing === null) { return; }
      image.parentElement.classList.add("pipelines");
      image.insertAdjacentHTML("afterend", drawing);
      image.remove();
    });
  }

  var button = document.createElement("button");
  button.id = "contents-button";
  function show(contents) {
    document.body.classList.toggle("shows-contents", contents);
    button.textContent = contents ? "Close" : "Contents";
  }
  button.addEventListener("click", function () {
    show(!document.body.classList.contains("shows-contents"));
  });
  document.body.appendChild(button);
  show(false);

  // Choosing the page that is there changes no address.
  document.addEventListener("click", function (event) {
    var link = event.target.closest(".app-menu a[href]");
    if (link && link.getAttribute("href") === location.hash) { show(false); }
  });
  window.addEventListener("hashchange", function () { show(false); });
  new MutationObserver(place).observe(document.body, { childList: true, subtree: true });
  place();
})();
