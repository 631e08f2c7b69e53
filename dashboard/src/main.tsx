// Where the page begins.

import { render } from 'preact'
import { App } from './app.tsx'
import './style/tokens.css'
import './style/base.css'
import './style/parts.css'
import './style/views.css'

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no #app')
root.textContent = ''
render(<App />, root)
