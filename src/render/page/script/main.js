// Shows the view that the address names.

/** The findings, which are in the page already. */
const findingsView = {
  build() {
    byId('severity')?.addEventListener('change', (event) => go({ severity: /** @type {HTMLSelectElement} */ (event.target).value }));
  },

  show() {
    fill(byId('view-findings'));
    for (const item of document.querySelectorAll('#finding-list > li')) {
      /** @type {HTMLElement} */ (item).hidden = Boolean(state.severity) && !item.classList.contains(state.severity);
    }
  },
};

/** @type {Record<string, {build: () => void, show: () => void}>} */
const views = { matrix: matrixView, focus: focusView, flows: flowsView, findings: findingsView, changes: changesView };

/** @type {Set<string>} */
const built = new Set();

function show() {
  state = readState();
  for (const name of VIEWS) byId(`view-${name}`).hidden = name !== state.view;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('data-view') === state.view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const view = views[state.view];
  if (view) {
    if (!built.has(state.view)) {
      built.add(state.view);
      view.build();
    }
    view.show();
  }
  document.title = `${state.view[0].toUpperCase()}${state.view.slice(1)} - podreach`;
}

// The overview tells of changes, too.
if (DATA.changes) {
  built.add('changes');
  changesView.build();
}

addEventListener('hashchange', show);
addEventListener('popstate', show);
show();
document.documentElement.dataset.ready = 'yes';
